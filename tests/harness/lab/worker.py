"""pytest's plugin inside a lab machine: runs the tests of a list, in its order, and writes each step as a line of JSON.

Standard output leads out of the machine and is slow. Only these lines are written to it; pytest's own output goes to PYTEST_LOG.
Importing this redirects standard output: only pytest inside may do it.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.harness.lab import MARK

PYTEST_LOG = Path("/tmp/pytest.log")
LOG_TAIL = 4000  # characters of it that go out if pytest cannot run the tests

_out = os.fdopen(os.dup(1), "w", encoding="utf-8")  # pytest's own capturing begins after this
os.dup2(os.open(PYTEST_LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)


def _say(**message: Any) -> None:
    print(MARK + json.dumps(message, separators=(",", ":")), file=_out, flush=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--listed", type=Path, metavar="FILE", help="run the tests that FILE names, one per line")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    known = {item.nodeid: item for item in items}
    names = config.getoption("--listed").read_text(encoding="utf-8").splitlines()
    items[:] = [known[name] for name in names if name in known]


def pytest_runtest_logstart(nodeid: str) -> None:
    _say(begin=nodeid)


class Reports:
    def __init__(self, config: pytest.Config):
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed or report.skipped or report.when == "call":
            _say(report=self._config.hook.pytest_report_to_serializable(config=self._config, report=report))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Reports(config))


def pytest_runtest_logfinish(nodeid: str) -> None:
    _say(end=nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.testsfailed == 0 and exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        _say(trouble=PYTEST_LOG.read_text(encoding="utf-8")[-LOG_TAIL:])
