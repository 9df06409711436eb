"""The loop that has tests run in the lab's machines, with machines that only say what a real one would."""

import queue
import subprocess
import sys

import pytest

from tests.harness.lab import plugin
from tests.harness.paths import ROOT

NAMES = ["x.py::test_a", "x.py::test_b", "x.py::test_c"]


class Machine:
    """Sends the messages of a script, without booting anything. After the script, the machine has ended."""

    scripts: list[list[dict]] = []
    made: list["Machine"] = []

    def __init__(self, host: str, tests: list[str], modules: list, options: list[str], events: queue.Queue):
        self.unfinished, self.running, self.ended = list(tests), None, False
        self.tests = list(tests)
        self.made.append(self)
        for message in [*self.scripts.pop(0), {}]:
            events.put((self, message))

    def hear(self, message: dict) -> None:
        self.running = message.get("begin", self.running)
        if "end" in message:
            self.unfinished.remove(message["end"])
            self.running = None

    def end_if_silent(self) -> None:
        pass

    def end(self) -> None:
        self.ended = True

    def last_words(self) -> str:
        return "Kernel panic"


class Item:
    path = "x.py"

    def __init__(self, nodeid: str):
        self.nodeid = nodeid
        self.location = ("x.py", 1, nodeid)


class Session:
    """What _Run needs of pytest's session: options, and hooks that remember."""

    def __init__(self):
        self.config = self
        self.hook = self
        self.option = self
        self.tbstyle = "short"
        self.outcomes: dict[str, tuple[str, str]] = {}

    def getoption(self, _: str) -> int:
        return 1

    def pytest_runtest_logstart(self, **_) -> None:
        pass

    pytest_runtest_logfinish = pytest_runtest_logstart

    def pytest_report_from_serializable(self, config, data: dict) -> pytest.TestReport:
        return pytest.TestReport(data["nodeid"], ("x.py", 1, ""), {}, data["outcome"], data["longrepr"], "call")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        assert report.nodeid not in self.outcomes
        self.outcomes[report.nodeid] = (report.outcome, report.longreprtext)


def passes(name: str) -> list[dict]:
    return [{"begin": name}, {"report": {"nodeid": name, "outcome": "passed", "longrepr": None}}, {"end": name}]


def run(monkeypatch: pytest.MonkeyPatch, *scripts: list[dict]) -> dict[str, tuple[str, str]]:
    monkeypatch.setattr(plugin, "Machine", Machine)
    monkeypatch.setattr(Machine, "scripts", list(scripts))
    monkeypatch.setattr(Machine, "made", [])
    session = Session()
    plugin._Run(session, "intel", [Item(name) for name in NAMES]).run()
    assert all(machine.ended for machine in Machine.made)
    return session.outcomes


def test_every_test_is_reported(monkeypatch):
    outcomes = run(monkeypatch, [message for name in NAMES for message in passes(name)])
    assert outcomes == {name: ("passed", "") for name in NAMES}


def test_why_a_test_was_skipped_arrives_as_pytest_has_it(monkeypatch):
    seen = []
    monkeypatch.setattr(Session, "pytest_runtest_logreport", lambda self, report: seen.append(report.longrepr))
    skipped = {"nodeid": NAMES[0], "outcome": "skipped", "longrepr": ["x.py", 1, "Skipped: why"]}
    run(monkeypatch, [{"begin": NAMES[0]}, {"report": skipped}, {"end": NAMES[0]}, *passes(NAMES[1]), *passes(NAMES[2])])
    assert seen[0] == ("x.py", 1, "Skipped: why")


def test_a_test_that_takes_its_machine_down_fails_and_the_rest_get_another(monkeypatch):
    first, second, third = NAMES
    outcomes = run(monkeypatch, [*passes(first), {"begin": second}], passes(third))
    assert outcomes[first][0] == outcomes[third][0] == "passed"
    assert outcomes[second][0] == "failed"
    assert "Kernel panic" in outcomes[second][1]
    assert [machine.tests for machine in Machine.made] == [NAMES, [third]]


def test_a_machine_that_never_begins_fails_all_of_its_tests_and_is_not_tried_again(monkeypatch):
    outcomes = run(monkeypatch, [])
    assert {name for name, (outcome, why) in outcomes.items() if outcome == "failed" and "never began" in why} == set(NAMES)
    assert len(Machine.made) == 1


def test_a_machine_that_ends_between_tests_fails_what_it_left_out(monkeypatch):
    outcomes = run(monkeypatch, passes(NAMES[0]))
    assert [outcomes[name][0] for name in NAMES] == ["passed", "failed", "failed"]


def test_out_here_standard_output_stays_what_it_is() -> None:
    """The worker inside redirects its own."""
    script = "import tests.harness.lab.plugin; print('seen', flush=True)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout == "seen\n"
