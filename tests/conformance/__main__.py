"""python3 -m tests.conformance [--output FILE] TITLE=RESULTS.json...: one table of what came of each behaviour on each host."""

import argparse
import json
import sys
from pathlib import Path

from tests.conformance.table import Column, table


def column(argument: str) -> Column:
    title, _, path = argument.rpartition("=")
    return Column.of(title, json.loads(Path(path).read_text(encoding="utf-8")))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.conformance", description=__doc__)
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the table goes (default: standard output)")
    parser.add_argument("columns", nargs="+", metavar="TITLE=RESULTS.json", help="what `conformance --json` has written")
    arguments = parser.parse_args()
    text = table([column(argument) for argument in arguments.columns])
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
