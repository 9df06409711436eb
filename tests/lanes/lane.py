"""What a lane is, and what it can use while it runs: a log, commands, the build, counted results."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from tests.harness import processes

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
LOGS = Path(os.environ.get("RINGSIDE_TEST_LOGS", BUILD / "logs"))
JOBS = os.cpu_count() or 1
NOTHING_SELECTED = 5  # pytest's exit status


class Skipped(Exception):
    """This lane cannot run on this machine; the message says why."""


class Failed(Exception):
    """This lane cannot go on; the message says why."""


@dataclasses.dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: "Counts") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def total(self) -> int:
        return self.passed + self.failed + self.skipped

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclasses.dataclass(frozen=True)
class Lane:
    name: str
    about: str
    body: Callable[["LaneRun"], None]
    groups: tuple[str, ...]  # of the packages in tests/packages.txt
    quick: bool = False  # part of --quick
    only_long: str = ""  # what --short leaves out of it
    minutes: int = 45  # a command that takes longer hangs: it is killed and the lane fails


@dataclasses.dataclass(frozen=True)
class Form:
    """How much of a lane is run."""

    quick: bool = False  # only what the last changes touch
    short: bool = False  # without Lane.only_long
    selection: str = ""  # pytest's -k
    lanes: frozenset[str] = frozenset()  # all that this run was asked for


@dataclasses.dataclass(frozen=True)
class Result:
    counts: Counts
    seconds: float

    def state(self) -> str:
        return "FAILED" if self.counts.failed else "passed" if self.counts.passed else "skipped"


@dataclasses.dataclass
class LabMachine:
    """Shell commands, by name and with their limits in seconds, that share one boot in the lab. What they name goes inside by
    itself, `files` besides; `collect` comes back."""

    commands: dict[str, tuple[int, str]]
    files: tuple[Path, ...] = ()
    collect: tuple[Path, ...] = ()


class LaneRun:
    """One run of one lane. The output of its commands goes to build/logs/LANE.log."""

    def __init__(self, lane: Lane, form: Form):
        LOGS.mkdir(parents=True, exist_ok=True)
        self.lane = lane
        self.quick, self.short, self.selection, self.lanes = form.quick, form.short, form.selection, form.lanes
        self.counts = Counts()
        self._pytest_runs = 0
        self._mark = processes.Mark("RINGSIDE_LANE")
        self.log_path = LOGS / f"{lane.name}.log"
        self.log = open(self.log_path, "w", encoding="utf-8", errors="replace")

    def note(self, text: str) -> None:
        """One line for the user, now."""
        print(f"    {text}", flush=True)
        self.log.write(f"-- {text}\n")

    def run(self, *command, env: dict[str, str] | None = None) -> int:
        """Runs a command from the project's root and returns its exit status."""
        with self._started(command, self.log, env) as process:
            return self._wait(process)

    def run_together(self, commands: list[tuple]) -> list[int]:
        """Runs commands at the same time; their exit statuses. The log has the first one's output, then the second's..."""
        logs = [LOGS / f"{self.lane.name}-{number}.log" for number in range(1, len(commands) + 1)]
        try:
            with contextlib.ExitStack() as stack:
                files = [stack.enter_context(open(log, "w", encoding="utf-8")) for log in logs]
                processes = [stack.enter_context(self._started(*pair)) for pair in zip(commands, files)]
                return [self._wait(process) for process in processes]
        finally:
            self.log.writelines(log.read_text(encoding="utf-8", errors="replace") for log in logs if log.exists())

    @contextlib.contextmanager
    def _started(self, command: tuple, log: TextIO, env: dict[str, str] | None = None) -> Iterator[subprocess.Popen]:
        """A command that runs in its own session, so that it can be ended with everything that it started."""
        words = [str(word) for word in command]
        log.write(f"\n$ {' '.join(words)}\n")
        log.flush()
        process = subprocess.Popen(words, cwd=ROOT, env={**os.environ, **(env or {}), **self._mark.environment}, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield process
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _wait(self, process: subprocess.Popen) -> int:
        try:
            return process.wait(timeout=self.lane.minutes * 60)
        except subprocess.TimeoutExpired:
            raise Failed(f"{process.args[0]} was still running after {self.lane.minutes} minutes") from None

    def end_leftovers(self) -> None:
        """A process that outlives its lane is a failure."""
        for pid in self._mark.left():
            self.note(f"failed: it has left process {pid} behind: {processes.name(pid)}")
            self.counts.add(Counts(failed=1))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def build(self, preset: str, *targets: str) -> Path:
        """Configures a preset and builds targets of it ("folder/all" is everything below a folder)."""
        directory = BUILD / preset
        if not has_tests(directory) and self.run("cmake", "--preset", preset, "-DRINGSIDE_TESTS=ON") != 0:
            raise Failed(f"cmake --preset {preset} failed")
        if self.run("ninja", "-C", directory, "-j", JOBS, *targets) != 0:
            raise Failed(f"the {preset} build failed")
        return directory

    def one_test(self, name: str, *command, env: dict[str, str] | None = None) -> bool:
        """A command that is one test: it passed if it exits with 0."""
        return self._count_one(name, self.run(*command, env=env))

    def tests_together(self, tests: dict[str, tuple]) -> None:
        """Commands, by name, each of which is one test. As many run at the same time as there are processors."""
        names = list(tests)
        for first in range(0, len(names), JOBS):
            batch = names[first:first + JOBS]
            for name, status in zip(batch, self.run_together([tests[name] for name in batch])):
                self._count_one(name, status)

    def _count_one(self, name: str, status: int) -> bool:
        self.counts.add(Counts(passed=1) if status == 0 else Counts(failed=1))
        if status != 0:
            self.note(f"failed: {name}")
        return status == 0

    def ctest(self, directory: Path, label: str, env: dict[str, str] | None = None) -> None:
        """The tests of a build that carry a label, each counted."""
        report = LOGS / f"{self.lane.name}-ctest.xml"
        report.unlink(missing_ok=True)
        status = self.run("ctest", "--test-dir", directory, "-L", f"^{label}$", "-j", JOBS, "--no-tests=error",
                          "--output-on-failure", "--output-junit", report, env=env)
        self._count(read_junit(report), status, "ctest")

    def pytest(self, *arguments, env: dict[str, str] | None = None) -> None:
        """Tests written for pytest, each counted. `arguments` are pytest's: files and options."""
        selection = ["-k", self.selection] if self.selection else []
        self._pytest_runs += 1
        report = LOGS / f"{self.lane.name}-pytest-{self._pytest_runs}.xml"
        report.unlink(missing_ok=True)
        status = self.run(sys.executable, "-m", "pytest", f"--junit-xml={report}", *selection, *arguments, env=env)
        if status == NOTHING_SELECTED and selection:
            return
        self._count(read_junit(report), status, "pytest")

    def in_lab(self, host: str, *machines: LabMachine) -> None:
        """Each machine's commands in a separate boot, all at the same time."""
        reports = [LOGS / f"{self.lane.name}-lab-{number}.xml" for number in range(1, len(machines) + 1)]
        for report in reports:
            report.unlink(missing_ok=True)
        statuses = self.run_together([self._lab_command(host, *pair) for pair in zip(machines, reports)])
        for status, report in zip(statuses, reports):
            self._count(read_junit(report), status, "the lab")

    def _lab_command(self, host: str, machine: LabMachine, report: Path) -> tuple:
        batch = report.with_suffix(".batch")
        batch.write_text("".join(f"{name} {limit} {command}\n" for name, (limit, command) in machine.commands.items()),
                         encoding="utf-8")
        carried = [option for path in machine.files for option in ("--file", path)]
        carried += [option for path in machine.collect for option in ("--collect", path)]
        return ("tests/lab/run", "--host", host, "--batch", batch, "--junit", report, *carried)

    def count_file(self, report: Path) -> None:
        """The counts that a test program has written: {"passed": N, "failed": N, "skipped": N}."""
        self._count(read_json(report), 0, report.name)

    def _count(self, counts: Counts | None, status: int, what: str) -> None:
        if counts is None or counts.total() == 0:
            raise Failed(f"{what} ended with status {status} and no test results")
        if status != 0 and counts.failed == 0:
            counts.failed += 1  # it noticed something that none of its tests did
        self.counts.add(counts)


def has_tests(directory: Path) -> bool:
    """Returns True if a build is configured, with the tests: guests/demo builds without them."""
    cache = directory / "CMakeCache.txt"
    return (directory / "build.ninja").exists() and "RINGSIDE_TESTS:BOOL=OFF" not in cache.read_text(encoding="utf-8")


def read_junit(path: Path) -> Counts | None:
    try:
        cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return None
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    skipped = sum(1 for case in cases if case.find("skipped") is not None)
    return Counts(len(cases) - failed - skipped, failed, skipped)


def read_json(path: Path) -> Counts | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Counts(int(data["passed"]), int(data["failed"]), int(data["skipped"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def run_lane(lane: Lane, form: Form) -> Result:
    """Runs one lane and reports on it. A lane that cannot count is one test."""
    print(f"== {lane.name}: {lane.about}", flush=True)
    started = time.monotonic()
    run = LaneRun(lane, form)
    verdict = ""
    try:
        lane.body(run)
        if run.counts.total() == 0:
            run.counts.add(Counts(passed=1))
    except Skipped as reason:
        run.counts.add(Counts(skipped=1))
        verdict = f"skipped: {reason}"
    except Failed as reason:
        run.counts.add(Counts(failed=1))
        run.log.write(f"\n{reason}\n")
        verdict = f"FAILED: {reason}"
    finally:
        run.end_leftovers()
        run.log.close()
    if run.counts.failed:
        print_tail(run.log_path)
        verdict = verdict or "FAILED"
    seconds = time.monotonic() - started
    print(f"   {verdict or 'passed'} ({run.counts}) in {seconds:.0f} s", flush=True)
    return Result(run.counts, seconds)


def print_tail(path: Path, lines: int = 60) -> None:
    text = path.read_text(encoding="utf-8", errors="replace").splitlines()
    print(f"    ---- the end of {path.relative_to(ROOT)}:")
    for line in text[-lines:]:
        print(f"    {line}")
    print("    ----", flush=True)
