"""pytest's options for the lab, and the loop that replaces its own when they are given."""

import os
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.lab.machine import Machine

LOOK_AROUND = 5  # seconds between looks at silent machines


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lab")
    group.addoption("--lab", choices=("intel", "amd"), help="run the tests in the lab's machines, on their KVM")
    group.addoption("--lab-machines", type=int, default=os.cpu_count(), metavar="N", help="so many at the same time (the CPUs' number)")


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    host = session.config.getoption("--lab")
    if host is None or session.config.option.collectonly or not session.items:
        return None
    if session.testsfailed:
        raise session.Interrupted("the tests cannot be collected")
    with_machines = [item for item in session.items if item.get_closest_marker("no_kvm") is None]
    for number, item in enumerate(session.items):
        if item not in with_machines:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    if with_machines:
        _Run(session, host, with_machines).run()
    return True


class _Run:
    """Deals the tests out to machines, and reports here what they report. A test under which its machine fails has failed;
    those after it get another machine."""

    def __init__(self, session: pytest.Session, host: str, items: list[pytest.Item]):
        self._config = session.config
        self._host = host
        self._items = {item.nodeid: item for item in items}
        self._events: queue.Queue = queue.Queue()
        self._machines: list[Machine] = []

    def run(self) -> None:
        number = max(1, min(self._config.getoption("--lab-machines"), len(self._items)))
        names = list(self._items)
        try:
            for first in range(number):
                self._start(names[first::number])
            for machine, message in self._messages():
                machine.hear(message)
                self._replay(message)
                if not message:
                    self._gone(machine)
        finally:
            for machine in self._machines:
                machine.end()

    def _start(self, tests: list[str]) -> None:
        modules = sorted({self._items[test].path for test in tests})
        options = ["-p", "no:xdist", f"--tb={self._config.option.tbstyle}"]
        self._machines.append(Machine(self._host, tests, modules, options, self._events))

    def _messages(self) -> Iterator[tuple[Machine, dict]]:
        while self._machines:
            try:
                yield self._events.get(timeout=LOOK_AROUND)
            except queue.Empty:
                pass
            for machine in self._machines:
                machine.end_if_silent()

    def _replay(self, message: dict) -> None:
        hook = self._config.hook
        if name := message.get("begin"):
            hook.pytest_runtest_logstart(nodeid=name, location=self._items[name].location)
        if data := message.get("report"):
            if isinstance(data["longrepr"], list):
                data["longrepr"] = tuple(data["longrepr"])  # of a skipped test; JSON knows no tuples
            hook.pytest_runtest_logreport(report=hook.pytest_report_from_serializable(config=self._config, data=data))
        if name := message.get("end"):
            hook.pytest_runtest_logfinish(nodeid=name, location=self._items[name].location)

    def _gone(self, machine: Machine) -> None:
        self._machines.remove(machine)
        machine.end()
        if machine.running:
            self._fail(machine.running, f"the lab's machine failed under this test:\n{machine.last_words()}")
            machine.unfinished.remove(machine.running)
            if machine.unfinished:
                self._start(machine.unfinished)
        elif machine.unfinished:
            for name in machine.unfinished:
                self._fail(name, f"the lab's machine never began with this test:\n{machine.last_words()}")

    def _fail(self, name: str, why: str) -> None:
        item = self._items[name]
        report = pytest.TestReport(name, item.location, {}, "failed", why, "call")
        self._config.hook.pytest_runtest_logreport(report=report)
