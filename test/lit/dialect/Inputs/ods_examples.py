"""Runs every example of AttnOps.td through attn-opt.

    ods_examples.py AttnOps.td ATTN_OPT...

An example is a ```mlir block in the description of an op. What it uses without
defining becomes a parameter of a spec around it, of the type that the example
gives; an op that needs a parent gets one. The example must verify and be
printed as it stands, but for the names of values and white space. Every op must
have an example in which it occurs.
"""

import re
import subprocess
import sys

# In the order in which a spec of all examples would declare them.
DIMS = ["B", "H", "M", "N", "D", "E", "BLK"]

QUANTITY = re.compile(r"!attn\.q<\[(.*?)\], \w+>")
VALUE = re.compile(r"%\w+")


def ops(td):
    """(mnemonic, parents, examples) of each op."""
    for block in re.split(r"^def ", td, flags=re.M)[1:]:
        head = re.match(r'\w+ : Attn_(?:Op|Pointwise)<"(\w+)"', block)
        if head:
            traits = block[: block.index("let summary")]
            parents = re.findall(r'"(\w+)Op"', traits)
            examples = re.findall(r"```mlir\n(.*?)```", block, flags=re.S)
            yield head[1], [parent.lower() for parent in parents], examples


def free_values(example):
    """The values that the example uses and does not define, with their types."""
    defined, free = set(), {}
    for line in example.splitlines():
        results, equals, op = line.rpartition("= attn.")
        if not equals:
            op = line
        types = [match[0] for match in QUANTITY.finditer(op)]
        for value, kind in zip(VALUE.findall(op), types):
            if value not in defined:
                free[value] = kind
        defined.update(VALUE.findall(results))
    return free


def spec(body, free, results=()):
    def layout(kind):
        dims = QUANTITY.match(kind)[1]
        names = ", ".join(f'"{dim}"' for dim in dims.split(", ") if dim)
        return f"attn.layout = [{names}]"

    params = ", ".join(
        f'{value}: {kind} {{attn.name = "{value[1:]}", {layout(kind)}}}'
        for value, kind in free.items()
    )
    outputs = ", ".join(
        f'{kind} {{attn.name = "result{i}", {layout(kind)}}}'
        for i, kind in enumerate(results)
    )
    dims = ", ".join(f'"{dim}"' for dim in DIMS)
    arrow = f" -> ({outputs})" if results else ""
    return f"attn.spec @example({params}){arrow} attributes {{dims = [{dims}]}} {{\n{body}\n}}\n"


def wrap(mnemonic, parents, example):
    if mnemonic == "spec":
        return example
    free = free_values(example)
    results = [match[0] for match in QUANTITY.finditer(example)]
    if mnemonic == "return":
        return spec(example, free, results)
    if mnemonic in ("visit", "tile_bound"):
        # They stand in the second region of a sweep.
        if mnemonic == "tile_bound":
            bounds = ", ".join(["!attn.q<[], i64>"] * 3 + ["!attn.q<[], i1>"] * 2)
            example += (
                "%true = attn.constant true -> !attn.q<[], i1>\n"
                f"attn.visit from %0 to %0 step %0 may %true must %true : ({bounds}) -> ()"
            )
        example = f'attn.sweep over ["N"] {{\nattn.yield\n}} visits {{\n{example}\n}}'
        parents = ["kernel"]
    if "sweep" in parents and "kernel" not in parents:
        example = f'attn.sweep over ["N"] {{\n{example}\nattn.yield\n}}'
        parents = ["kernel"]
    if "kernel" in parents:
        ends = example if mnemonic == "yield" else f"{example}\nattn.yield"
        types = " : " + ", ".join(results) if mnemonic == "yield" else ""
        lanes = 'free ["M"] lanes ["M"]' if mnemonic == "stride" else "free []"
        example = f"attn.kernel {lanes} {{\n{ends}\n}}{types}"
    return spec(example + "\nattn.return", free)


def normal(text):
    """Without the names of values and without the layout of the text."""
    return " ".join(re.sub(r"%\w+(:\d+)?", "%", text).split())


def main():
    with open(sys.argv[1]) as file:
        td = file.read()
    count = failures = 0
    for mnemonic, parents, examples in ops(td):
        if not any(f"attn.{mnemonic}" in example for example in examples):
            print(f"attn.{mnemonic} has no example")
            failures += 1
        for example in examples:
            count += 1
            source = wrap(mnemonic, parents, example)
            run = subprocess.run(
                sys.argv[2:], input=source, capture_output=True, text=True
            )
            if run.returncode:
                print(f"attn.{mnemonic}: the example is refused\n{source}{run.stderr}")
                failures += 1
            elif normal(example) not in normal(run.stdout):
                print(f"attn.{mnemonic}: printed otherwise\n{example}\n{run.stdout}")
                failures += 1
    print(f"{count} examples, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
