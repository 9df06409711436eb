"""The conformance matrix as Markdown: a section for each group, a row for each behaviour and mode, a column for each host.

It is written from results, and read back, so that one host's column can be compared or renewed without the others.
"""

import re
from dataclasses import dataclass, field
from typing import Any

HEAD = """\
# The debug conformance matrix

What works when a guest is debugged on three kinds of KVM. Each row is a test: `tests/conformance` boots a guest of
`guests/conformance` under Ringside, talks to it as gdb does, and checks the result, in real, protected and long mode
and in user code (cpl3).

- **yes**, or the mechanism that was used: *int3* (a software breakpoint), *hlt* and *udb* (the same where KVM reports no int3: an
  HLT or an undefined instruction, whose exit is caught), *debug slot* (DR0-DR3), *stepping* (slow, but correct).
- **no (N)**: impossible there, for the reason with that number below. The test still runs, unless it would crash the whole
  machine. The run fails if it works, or if it fails in a way that the list does not give.

Made by `./tests/run --lane kvm --lane lab-intel --lane lab-amd`, which also fails if this page is out of date, and says how to renew it.
"""

ABOUT = {
    "doctor": "`ringside doctor` reports what is known of this KVM.",
    "breakpoint": "Execution breakpoints: hit once, hidden from memory reads, stepped off, set again.",
    "watchpoint": "Data watchpoints of 1 to 8 bytes: the right instruction is reported, and no other one.",
    "step": "Single-steps over special instructions: each ends where the processor's manual says.",
    "own": "The guest's own use of INT3, TF and DR0-DR3: it works as without a debugger, and together with the debugger's breakpoints.",
    "interrupt": "Ctrl-C stops the guest wherever it is, and it runs on undisturbed.",
    "vcpus": "1, 2 and 4 vCPUs: all stop, all resume, one steps alone, no hit is lost.",
    "registers": "The guest sees what is written to a register, and the old value can be restored.",
    "attach": "Debuggers attach, detach, and vanish.",
    "end": "The end of a guest is reported with its real cause.",
}

Key = tuple[str, str, str]  # group, name, mode


@dataclass(frozen=True)
class Cell:
    outcome: str  # "works", "impossible", "fails", "not impossible"
    text: str = ""  # the mechanism, or why it is impossible; empty for a failure, whose text varies

    def shown(self, notes: "Notes") -> str:
        if self.outcome == "works":
            return self.text or "yes"
        return f"no ({notes.number(self.text)})" if self.outcome == "impossible" else f"**{self.outcome}**"

    @staticmethod
    def read(shown: str, notes: dict[int, str]) -> "Cell":
        if match := re.fullmatch(r"no \((\d+)\)", shown):
            return Cell("impossible", notes[int(match[1])])
        if match := re.fullmatch(r"\*\*(.+)\*\*", shown):
            return Cell(match[1])
        return Cell("works", "" if shown == "yes" else shown)


@dataclass
class Column:
    """One host's results."""

    title: str
    rows: dict[Key, Cell] = field(default_factory=dict)

    @staticmethod
    def of(title: str, *results: dict[str, Any]) -> "Column":
        """From what `conformance --json` has written, in one file or in several that share the work."""
        column = Column(title)
        for row in (row for part in results for row in part["behaviours"]):
            outcome = row["outcome"]
            text = row["text"] if outcome in ("works", "impossible") else ""
            column.rows[row["group"], row["name"], row["mode"]] = Cell(outcome, text)
        return column


class Notes:
    """Reasons, numbered in the order in which they come up."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    def __str__(self) -> str:
        return "".join(f"{number}. {text}\n" for text, number in self._numbers.items())


def table(columns: list[Column]) -> str:
    keys = _keys(columns)
    notes = Notes()
    parts = [HEAD, _line("", *[column.title for column in columns]) + _rule(1 + len(columns))
             + _line("works", *[_count(column) for column in columns])]
    for group in dict.fromkeys(group for group, _, _ in keys):
        lines = [_line("", "mode", *[column.title for column in columns]), _rule(2 + len(columns))]
        for key in (key for key in keys if key[0] == group):
            cells = [column.rows[key].shown(notes) if key in column.rows else "not run" for column in columns]
            lines.append(_line(key[1].replace("_", " "), key[2], *cells))
        parts.append(f"## {group}\n\n{ABOUT.get(group, '')}\n\n" + "".join(lines))
    if str(notes):
        parts.append(f"## What is impossible, and why\n\n{notes}")
    return "\n".join(parts)


def read(text: str) -> list[Column]:
    """The columns of a page that table() has written."""
    notes = {int(number): reason for number, reason in re.findall(r"^(\d+)\. (.*)$", text, re.MULTILINE)}
    columns: list[Column] = []
    group = ""
    for line in text.splitlines():
        if line.startswith("## "):
            group = line[3:]
        elif line.startswith("| ") and not line.startswith("| ---"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not group:
                columns = columns or [Column(title) for title in cells[1:]]
            elif cells[0]:
                for column, shown in zip(columns, cells[2:]):
                    if shown != "not run":
                        column.rows[group, cells[0].replace(" ", "_"), cells[1]] = Cell.read(shown, notes)
    return columns


def renewed(text: str, column: Column) -> str:
    """The page with one column as it is now; a new one comes last. What was run in parts is in no order: the page's is kept."""
    columns = read(text)
    order = dict.fromkeys([*_keys(columns), *column.rows])
    now = Column(column.title, {key: column.rows[key] for key in order if key in column.rows})
    if all(old.title != now.title for old in columns):
        columns.append(now)
    return table([now if old.title == now.title else old for old in columns])


def _keys(columns: list[Column]) -> list[Key]:
    """Every row, in the first column's order."""
    return list(dict.fromkeys(key for column in columns for key in column.rows))


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _rule(cells: int) -> str:
    return _line(*["---"] * cells)


def _count(column: Column) -> str:
    return f"{sum(cell.outcome == 'works' for cell in column.rows.values())} of {len(column.rows)}"
