"""Tests that a host cannot pass: each is listed with its reason and with the failure that it must have there.

A listed test runs all the same, unless it would take the machine down or too long. It counts as skipped if it fails as listed; it fails if it
passes, or fails in another way. A row that names no test is an error.
"""

import dataclasses
import re
from collections.abc import Iterator

import pytest

from tests.harness import kvm


@dataclasses.dataclass(frozen=True)
class Impossible:
    kvm: str  # as kvm.kind() has it
    test: str  # "integration/test_x.py::TestX::test_y"; with "[...]" for one set of parameters
    reason: str
    failure: str  # a regular expression that the failure's report matches
    tried: bool = True  # false: it would take the machine down, or more time than there is

    def names(self, item: pytest.Item) -> bool:
        return self.test in (item.nodeid, item.nodeid.partition("[")[0])


class Plugin:
    def __init__(self, rows: tuple[Impossible, ...]):
        self._rows = rows
        self._kvm = kvm.kind()

    def _row(self, item: pytest.Item) -> Impossible | None:
        return next((row for row in self._rows if row.kvm == self._kvm and row.names(item)), None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Before anything is deselected. Only of files that have been collected as a whole can be said what they lack."""
        if any("::" in argument for argument in config.args):
            return
        files = {item.nodeid.partition("::")[0] for item in items}
        lost = [row.test for row in self._rows if row.test.partition("::")[0] in files and not any(map(row.names, items))]
        if lost:
            raise pytest.UsageError("listed as impossible, but no test has this name: " + ", ".join(sorted(set(lost))))

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if (row := self._row(item)) and not row.tried:
            pytest.skip(f"impossible on {self._kvm}: {row.reason} (not tried)")

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
        outcome = yield
        row = self._row(item)
        if row and call.when == "call":
            judge(row, outcome.get_result())


def judge(row: Impossible, report: pytest.TestReport) -> None:
    """Makes of a listed test's report what it means."""
    if report.passed:
        report.outcome = "failed"
        report.longrepr = f"passes, but is listed as impossible on {row.kvm}: {row.reason}"
    elif report.failed and re.search(row.failure, report.longreprtext):
        path, line, _ = report.location
        report.outcome = "skipped"
        report.longrepr = (path, line or 0, f"Skipped: impossible on {row.kvm}: {row.reason}")
    elif report.failed:
        report.sections.append(("listed", f"impossible on {row.kvm}: {row.reason}\nBut this failure does not match {row.failure!r}"))
