"""Completion in bash and zsh, as the package brings it."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.package import command_line
from tests.package.installed import Package, output

# compopt works only while bash completes at a prompt.
SCRIPT = """
source /usr/share/bash-completion/bash_completion
source {completion}
compopt() {{ :; }}
COMP_LINE={line} COMP_POINT=${{#COMP_LINE}} COMP_WORDS=({words}) COMP_CWORD={index} COMP_TYPE=9 COMP_KEY=9
_ringside
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def words_of(line: str) -> list[str]:
    """A line as bash splits it for completion: = and : are words, too."""
    words = re.findall(r"[=:]+|[^\s=:]+", line)
    return [*words, ""] if line.endswith(" ") else words


def complete(package: Package, line: str, folder: Path | None = None) -> list[str]:
    words = words_of(line)
    script = SCRIPT.format(completion=package.share / "bash-completion" / "completions" / "ringside", line=shlex.quote(line),
                           words=" ".join(shlex.quote(word) for word in words), index=len(words) - 1)
    return output("bash", "--norc", "-c", script, cwd=folder).split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "kernel.elf").touch()
    (tmp_path / "other").mkdir()
    return tmp_path


def test_commands(package: Package) -> None:
    assert complete(package, "ringside ") == command_line.commands(package.program())


def test_every_option_of_every_command(package: Package) -> None:
    program = package.program()
    for command in command_line.commands(program):
        assert sorted(complete(package, f"ringside {command} -")) == sorted(command_line.options(program, command))


@pytest.mark.parametrize("line, expected", [
    ("ringside run ", ["kernel.elf", "other"]),
    ("ringside run -m 64M ker", ["kernel.elf"]),
    ("ringside run --initrd ker", ["kernel.elf"]),
    ("ringside run --disk ", ["kernel.elf", "other"]),
    ("ringside run --initrd=ker", ["kernel.elf"]),
    ("ringside run --memory ", []),
    ("ringside run --on-disconnect ", ["pause", "resume", "restart", "quit"]),
    ("ringside run --on-disconnect=re", ["resume", "restart"]),
    ("ringside gdb --serial fi", ["file:"]),
    ("ringside gdb --serial file:ker", ["kernel.elf"]),  # what follows the colon: bash keeps what is before it
    ("ringside run --gdb=s", ["serial:", "stdio"]),
    ("ringside run --gdb ker", ["kernel.elf"]),  # its value is optional, so this is the kernel
    ("ringside exits ker", ["kernel.elf"]),
])
def test_values_and_files(package: Package, folder: Path, line: str, expected: list[str]) -> None:
    assert sorted(complete(package, line, folder)) == sorted(expected)


def test_zsh_takes_the_file_and_it_has_every_option(package: Package) -> None:
    file = package.share / "zsh" / "vendor-completions" / "_ringside"
    assert subprocess.run(["zsh", "-n", file], check=False).returncode == 0
    text = file.read_text(encoding="utf-8")
    program = package.program()
    for command in command_line.commands(program):
        section = text.partition(f"        {command})\n")[2].partition(";;")[0]
        assert [name for name in command_line.options(program, command) if not re.search(rf"'{name}=?-?'", section)] == []
