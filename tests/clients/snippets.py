"""The snippets of a page: its indented blocks, and the rows of the README's table of clients."""

import dataclasses
import re
from pathlib import Path

NOT_RUN = re.compile(r"\bnot run here\b", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Snippet:
    section: str
    text: str
    not_run: bool  # the section says so before it

    @property
    def first(self) -> str:
        return self.text.splitlines()[0].strip()


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
