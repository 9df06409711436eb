"""The snippets of a page: its indented blocks, and the rows of the README's table of clients. The sessions with gdb are run."""

import dataclasses
import re
import shlex
import subprocess
from pathlib import Path

from tests.harness import paths
from tests.harness.timeouts import FACTOR

PROMPT = "(gdb) "
# Counts and times differ from run to run.
MEASURED = re.compile(r"userspace exits|reason +count|[A-Z_]+ +\d+ +[\d.]+ |total +\d+|Recording: ")
NOT_RUN = re.compile(r"\bnot run here\b", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Snippet:
    section: str
    text: str
    not_run: bool  # the section says so before it

    @property
    def first(self) -> str:
        return self.text.splitlines()[0].strip()

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.text.splitlines() if line.strip()]

    @property
    def for_gdb(self) -> list[str]:
        """What its reader types into gdb."""
        return [re.sub(r"\s+#.*", "", line.removeprefix(PROMPT)) for line in self.lines if line.startswith(PROMPT)]

    @property
    def machine(self) -> list[str]:
        """The memory and the command line of the `ringside run` or `ringside gdb` in its first line, as options."""
        words = [] if self.first.startswith(PROMPT) else shlex.split(self.first, comments=True)
        return [word for pair in zip(words, words[1:]) if pair[0] in ("-m", "--append") for word in pair]

    def assert_shows(self, printed: str) -> None:
        """gdb has printed the lines that the snippet shows, in their order."""
        printed, position = plain(printed), 0
        shown = self.lines[next(number for number, line in enumerate(self.lines) if line.startswith(PROMPT)):]
        for line in shown:
            if line.startswith(PROMPT) or MEASURED.match(line):
                continue
            found = printed.find(plain(line), position)
            assert found >= 0, f"{line!r} is not in, or comes earlier in:\n{printed}"
            position = found + 1


def plain(text: str) -> str:
    """Without addresses, the folder of the sources, and differences of spaces and line breaks."""
    text = re.sub(r"0x[0-9a-f]+", "0x", text.replace(f"{paths.ROOT}/", "").replace("../../guests", "guests").replace("...", ""))
    return " ".join(text.split())


def gdb(commands: list[str], guest: str, *options: str) -> str:
    """What gdb prints when its user types these commands on one of the project's guests."""
    run = shlex.join([str(paths.RINGSIDE), "run", *options, "--wait", "--gdb=stdio", "--serial", "none", str(paths.GUESTS / guest)])
    words = [word for command in (f"target remote | {run}", *commands) for word in ("-ex", command)]
    done = subprocess.run([paths.GDB, "-q", "-nx", "-batch", *words, paths.GUESTS / guest], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True, timeout=120 * FACTOR)
    return done.stdout


def of_page(page: Path) -> list[Snippet]:
    return of_text(page.read_text(encoding="utf-8"))


def of_text(text: str) -> list[Snippet]:
    found: list[Snippet] = []
    for section in re.split(r"(?m)^(?=#+ )", text):
        heading = section.partition("\n")[0].lstrip("# ")
        for block in re.finditer(r"(?m)^    .*\n(?:(?:    .*)?\n)*", section + "\n"):
            found.append(Snippet(heading, block[0].strip("\n"), bool(NOT_RUN.search(section[: block.start()]))))
    return found


def table(page: Path, section: str) -> dict[str, str]:
    """The rows of a section's first table: the first cell, and the rest of the row."""
    text = page.read_text(encoding="utf-8")
    body = re.search(rf"(?ms)^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text)[1]
    rows = re.findall(r"(?m)^\| ([^|]+) \| (.+) \|$", body)
    return dict(rows[1:])
