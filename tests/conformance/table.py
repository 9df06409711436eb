"""The conformance matrix as a Markdown table: a row for each behaviour and mode, a column for each host."""

from dataclasses import dataclass, field
from typing import Any

HEAD = """\
# The debug conformance matrix

What a debugger's user sees of each behaviour on three kinds of KVM, and by which mechanism. Made by the lanes `kvm`, `lab-amd` and
`lab-intel` of `./tests/run` from `tests/conformance`, guests/README.md explains the scenarios; do not edit.

"""

Key = tuple[str, str, str]  # group, name, mode


@dataclass
class Column:
    """One host's results."""

    title: str
    kvm: str
    rows: dict[Key, dict[str, Any]] = field(default_factory=dict)

    @staticmethod
    def of(title: str, results: dict[str, Any]) -> "Column":
        rows = {(row["group"], row["name"], row["mode"]): row for row in results["behaviours"]}
        return Column(title, results["kvm"], rows)


class Notes:
    """Reasons, numbered in the order in which they come up."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    def __str__(self) -> str:
        return "".join(f"{number}. {text}\n" for text, number in self._numbers.items())


def table(columns: list[Column]) -> str:
    keys: dict[Key, None] = {}
    for column in columns:
        keys.update(dict.fromkeys(column.rows))
    notes = Notes()
    titles = [f"{column.title} ({column.kvm})" for column in columns]
    lines = [_line("behaviour", "mode", *titles), _line(*["---"] * (2 + len(columns)))]
    for key in keys:
        group, name, mode = key
        cells = [_cell(column.rows.get(key), notes) for column in columns]
        lines.append(_line(f"{group}: {name.replace('_', ' ')}", mode, *cells))
    counts = [_line("works", "", *[_count(column) for column in columns])]
    return HEAD + "".join(lines + counts) + ("\nImpossible there:\n\n" + str(notes) if str(notes) else "")


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _cell(row: dict[str, Any] | None, notes: Notes) -> str:
    match row:
        case None:
            return "not run"
        case {"outcome": "works", "text": text}:
            return text or "yes"
        case {"outcome": "impossible", "text": text}:
            return f"no ({notes.number(text)})"
        case {"outcome": outcome}:
            return f"**{outcome}**"
    raise ValueError(f"a row without an outcome: {row}")


def _count(column: Column) -> str:
    works = sum(row["outcome"] == "works" for row in column.rows.values())
    return f"{works} of {len(column.rows)}"
