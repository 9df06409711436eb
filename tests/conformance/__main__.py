"""The debug conformance matrix as a page.

python3 -m tests.conformance PAGE --write TITLE=RESULTS.json... ...    a new page, a column for each title
python3 -m tests.conformance PAGE --renew TITLE=RESULTS.json...        the page, with that column as it is now
python3 -m tests.conformance PAGE --check TITLE=RESULTS.json...        fails, with the difference, unless the page says the same

A host's results may come in several files: TITLE=A.json,B.json.
"""

import argparse
import difflib
import json
import sys
from pathlib import Path

from tests.conformance.table import Column, renewed, table


def column(argument: str) -> Column:
    title, _, paths = argument.rpartition("=")
    return Column.of(title, *(json.loads(Path(path).read_text(encoding="utf-8")) for path in paths.split(",")))


def check(page: Path, argument: str) -> int:
    old = page.read_text(encoding="utf-8")
    new = renewed(old, column(argument))
    if old == new:
        print(f"{page} is what the run has produced")
        return 0
    sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True), str(page), "this run", n=0))
    print(f"\nIf that is right: /usr/bin/python3 -m tests.conformance {page} --renew '{argument}'")
    return 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.conformance", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    what = parser.add_mutually_exclusive_group(required=True)
    for option in ("--write", "--renew", "--check"):
        what.add_argument(option, nargs="+" if option == "--write" else None, metavar="TITLE=RESULTS.json")
    arguments = parser.parse_args()
    if arguments.check:
        return check(arguments.page, arguments.check)
    text = (table([column(argument) for argument in arguments.write]) if arguments.write
            else renewed(arguments.page.read_text(encoding="utf-8"), column(arguments.renew)))
    arguments.page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
