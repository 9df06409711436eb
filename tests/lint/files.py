"""One idea per file: a source file of more than 400 lines holds two. And no marker of work left undone."""

import re
import sys

from tests.lint import sources

MAXIMUM_LINES = 400
_MARKER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def findings(files: dict[str, str]) -> list[str]:
    found = []
    for path, text in sorted(files.items()):
        lines = text.splitlines()
        if len(lines) > MAXIMUM_LINES:
            found.append(f"{path}: {len(lines)} lines; the limit is {MAXIMUM_LINES}")
        found += [f"{path}:{number}: {match.group()}" for number, line in enumerate(lines, 1)
                  if (match := _MARKER.search(line))]
    return found


def main() -> int:
    found = findings({path: sources.read(path) for path in sources.cpp_files()})
    print("\n".join(found) if found else "every file is short enough and finished")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
