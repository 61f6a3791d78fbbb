"""Lists the constraints that AttnOps.td states and ops-invalid.mlir does not break.

    ods_constraints.py AttnOps.td ops-invalid.mlir
"""

import re
import sys


def main():
    with open(sys.argv[1]) as td, open(sys.argv[2]) as tests:
        blocks = re.split(r"^def ", td.read(), flags=re.M)[1:]
        broken = set(re.findall(r"'attn\.(\w+)' op (C\d+)", tests.read()))
    count = failures = 0
    for block in blocks:
        head = re.match(r'\w+ : Attn_(?:Op|Pointwise)<"(\w+)"', block)
        if not head:
            continue
        for label in re.findall(r"^    - (C\d+):", block, flags=re.M):
            count += 1
            if (head[1], label) not in broken:
                print(f"attn.{head[1]} {label} has no test")
                failures += 1
    print(f"{count} constraints, {failures} without a test")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
