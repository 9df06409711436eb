"""The list of commands that share one boot.

A batch file has one test per line: its name, its time limit in seconds, and the command, a line of shell. Empty lines and
lines that start with # are left out.

    doctor      30  build/release/ringside doctor --json
    unit.arch   60  build/release/tests/unit/arch/arch_test --gtest_brief=1
"""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError


@dataclass(frozen=True)
class Test:
    """One command to run inside. `seconds` is counted by the emulated machine's clock; 0 means no limit."""

    name: str
    seconds: int
    command: str


def read(path: Path) -> list[Test]:
    """The tests of a batch file."""
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from error
    tests: list[Test] = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            tests.append(_parse_line(line, f"{path}:{number}"))
    if not tests:
        raise LabError(f"{path} holds no test")
    names = [test.name for test in tests]
    for name in names:
        if names.count(name) > 1:
            raise LabError(f"{path} has two tests named {name}")
    return tests


def _parse_line(line: str, place: str) -> Test:
    words = line.split(maxsplit=2)
    if len(words) != 3 or not words[1].isdigit():
        raise LabError(f"{place}: expected NAME SECONDS COMMAND")
    return Test(words[0], int(words[1]), words[2])


OF_ITS_OWN = ("/proc/", "/sys/", "/dev/")  # every machine has these files from its own kernel


def named_files(command: str) -> list[Path]:
    """The files outside that a command names, also as `--option=PATH`: these are copied inside, to the same paths."""
    try:
        words = shlex.split(command, comments=True)
    except ValueError as error:
        raise LabError(f"cannot read the command: {error}: {command}") from error
    candidates = [word.rpartition("=")[2] for word in words]
    paths = [os.path.abspath(path) for path in candidates if "/" in path]
    return [Path(path) for path in paths if not path.startswith(OF_ITS_OWN) and Path(path).is_file()]
