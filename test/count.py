#!/usr/bin/env python3
"""Counts single tests over the JUnit files of a run.

    count.py RESULTS

Every suite of ctest writes RESULTS/<suite>.xml; RESULTS/ctest.xml is ctest's
own file, in which a suite that wrote none (or died) counts as one test. Prints
a line for each suite and, last, `N passed, N failed, N skipped`.
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if (
        case.find("skipped") is not None
        or case.get("status") in ("notrun", "disabled")
        or case.get("result") == "skipped"
    ):
        return "skipped"
    return "failed" if case.get("status") == "fail" else "passed"


def read(path):
    """The (name, outcome) pairs of one file."""
    try:
        cases = ElementTree.parse(path).iter("testcase")
        return [(case.get("name"), outcome(case)) for case in cases]
    except ElementTree.ParseError:
        return [("unreadable results", "failed")]


def main():
    folder = pathlib.Path(sys.argv[1])
    suites = {}
    for path in sorted(folder.glob("*.xml")):
        if path.stem != "ctest":
            # A suite without a test is a filter that no longer fits.
            suites[path.stem] = [result for _, result in read(path)] or ["failed"]
    for name, result in read(folder / "ctest.xml"):
        results = suites.setdefault(name, [result])
        if result == "failed" and "failed" not in results:
            results.append("failed")

    def line(results):
        return "{} passed, {} failed, {} skipped".format(
            *(results.count(kind) for kind in ("passed", "failed", "skipped"))
        )

    for name, results in suites.items():
        print(f"  {name:<20} {line(results)}")
    every = sum(suites.values(), [])
    print(line(every))
    return 1 if "failed" in every or "passed" not in every else 0


if __name__ == "__main__":
    sys.exit(main())
