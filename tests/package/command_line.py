"""What the program's own --help says about its commands and options."""

import re
from pathlib import Path

from tests.package.installed import output

_OPTION = re.compile(r"^  (-\S+)")


def _section(text: str, title: str) -> list[str]:
    """The lines of a section of --help that begin an entry."""
    lines = text.partition(f"{title}:\n")[2].partition("\n\n")[0].splitlines()
    return [line for line in lines if re.match(r"  \S", line)]


def commands(program: Path) -> list[str]:
    return [line.split()[0] for line in _section(output(program, "--help"), "Subcommands")]


def options(program: Path, *command: str) -> list[str]:
    """All spellings: -m and --memory are two."""
    found = [match[1] for line in _section(output(program, *command, "--help"), "Options") if (match := _OPTION.match(line))]
    return [name for spellings in found for name in spellings.split(",")]
