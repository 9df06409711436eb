"""What the suite is expected to show: tests.txt and expected.txt."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.gdb_testsuite.suite import FileResult

HERE = Path(__file__).resolve().parent
TESTS = HERE / "tests.txt"
EXPECTED = HERE / "expected.txt"
MODES = ("plain", "reverse")


@dataclass(frozen=True)
class Test:
    name: str
    mode: str
    passes: int  # how many of its tests pass


def read_tests() -> list[Test]:
    """One line each: file, mode, how many of its tests pass."""
    rows = [line.partition("#")[0].split() for line in TESTS.read_text(encoding="utf-8").splitlines()]
    return [Test(row[0], row[1], int(row[2])) for row in rows if row]


def write_tests(counts: dict[Test, int]) -> None:
    head = [line for line in TESTS.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    rows = [f"{test.name} {test.mode} {passes}" for test, passes in sorted(counts.items(), key=lambda item: (item[0].mode, item[0].name))]
    TESTS.write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")


def parse_expected(text: str) -> dict[tuple[str, str], str]:
    """The reason of each (mode, line of gdb.sum). A reason is a paragraph of comments; [reverse] at the start of a line is the mode."""
    expected: dict[tuple[str, str], str] = {}
    reason: list[str] = []
    in_reason = False
    for line in text.splitlines():
        if line.startswith("#"):
            reason = [*reason, line.lstrip("# ")] if in_reason else [line.lstrip("# ")]
            in_reason = True
        elif line.strip():
            in_reason = False
            mode, rest = ("reverse", line.removeprefix("[reverse] ")) if line.startswith("[reverse] ") else ("plain", line)
            expected[mode, rest] = " ".join(reason)
    return expected


def read_expected() -> dict[tuple[str, str], str]:
    return parse_expected(EXPECTED.read_text(encoding="utf-8"))


def compare(test: Test, result: FileResult, expected: dict[tuple[str, str], str]) -> list[str]:
    """What a file has shown that it should not, and has not shown that it should."""
    wanted = {line for mode, line in expected if mode == test.mode and line.partition(": ")[2].startswith(f"{test.name}:")}
    found = Counter(result.others)
    unexpected = [f"not expected: {line}" for line in sorted(found) if line not in wanted]
    unexpected += [f"expected, and no more so: {line}" for line in sorted(wanted) if line not in found]
    if result.passed < test.passes:
        unexpected.append(f"{result.passed} tests passed, fewer than {test.passes}")
    if result.hung:
        unexpected.append("it did not end in time")
    return unexpected
