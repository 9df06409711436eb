"""How commands' output and a batch's results are shown: lines in GoogleTest's manner as they come, a summary, and JUnit XML."""

import sys
import time
import xml.etree.ElementTree as xml
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from . import channel
from .batch import Test

SKIPPED_STATUS = 77  # the exit status by which a command says that it cannot run here; CTest and Automake know it too


@dataclass
class Result:
    """How one test went. `status` is None until it ended, or for good if it never did."""

    test: Test
    status: int | None = None
    problem: str = "did not run"
    seconds: float = 0.0
    output: bytearray = field(default_factory=bytearray)

    @property
    def passed(self) -> bool:
        return self.status == 0

    @property
    def skipped(self) -> bool:
        return self.status == SKIPPED_STATUS


def show(output: bytes) -> None:
    """Write a command's output as it comes."""
    sys.stdout.buffer.write(output)
    sys.stdout.buffer.flush()


def follow(events: Iterable[channel.Event], other: Callable[[channel.Event], None]) -> channel.End | None:
    """Show the output of one command. Its end; None if the machine did not report one."""
    end = None
    for event in events:
        match event:
            case channel.Output(data):
                show(data)
            case channel.End():
                end = event
            case _:
                other(event)
    return end


class BatchReport:
    """Prints as tests begin and end, and remembers."""

    def __init__(self, tests: list[Test], host: str):
        self.results = [Result(test) for test in tests]
        self._host = host
        self._began = 0.0
        print(f"[==========] Running {len(tests)} tests in lab-{host}", flush=True)

    def begin(self, number: int) -> None:
        self._began = time.monotonic()
        print(f"[ RUN      ] {self.results[number].test.name}", flush=True)

    def output(self, number: int, data: bytes) -> None:
        self.results[number].output += data
        show(data)

    def end(self, number: int, status: int | None) -> None:
        """`status` is None for a test that was killed at its time limit."""
        limit = self.results[number].test.seconds
        self._finish(number, status, f"still running after {limit} s" if status is None else f"exit status {status}")

    def lost(self, number: int, problem: str) -> None:
        """A test under which the machine itself failed."""
        self._finish(number, None, problem)

    def _finish(self, number: int, status: int | None, problem: str) -> None:
        result = self.results[number]
        result.seconds = time.monotonic() - self._began
        result.status = status
        result.problem = problem
        if result.output and not result.output.endswith(b"\n"):
            print()
        word = "       OK " if result.passed else "  SKIPPED " if result.skipped else "  FAILED  "
        why = "" if result.passed or result.skipped else f": {result.problem}"
        print(f"[{word}] {result.test.name}{why} ({result.seconds:.1f} s)", flush=True)

    def close(self) -> int:
        """Print the summary; the exit status for the whole."""
        passed = [result for result in self.results if result.passed]
        skipped = [result for result in self.results if result.skipped]
        failed = [result for result in self.results if not result.passed and not result.skipped]
        print(f"[==========] {len(self.results)} tests in lab-{self._host}")
        print(f"[  PASSED  ] {len(passed)} tests")
        for result in skipped:
            print(f"[  SKIPPED ] {result.test.name}")
        for result in failed:
            print(f"[  FAILED  ] {result.test.name}: {result.problem}")
        sys.stdout.flush()
        return 1 if failed else 0

    def write_junit(self, path: Path) -> None:
        """The results as JUnit XML, as continuous integration servers read it."""
        suite = xml.Element("testsuite", name=f"lab-{self._host}", tests=str(len(self.results)))
        for result in self.results:
            case = xml.SubElement(suite, "testcase", classname=f"lab-{self._host}", name=result.test.name)
            case.set("time", f"{result.seconds:.3f}")
            if result.skipped:
                xml.SubElement(case, "skipped")
            elif not result.passed:
                xml.SubElement(case, "failure", message=result.problem)
            xml.SubElement(case, "system-out").text = _xml_text(bytes(result.output))
        suite.set("failures", str(sum(not result.passed and not result.skipped for result in self.results)))
        suite.set("skipped", str(sum(result.skipped for result in self.results)))
        path.parent.mkdir(parents=True, exist_ok=True)
        xml.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def _xml_text(output: bytes) -> str:
    """Output as XML can hold it: control characters other than tab and line ends are not allowed there at all."""
    text = output.decode(errors="replace")
    return "".join(character if character >= " " or character in "\t\n\r" else "\N{REPLACEMENT CHARACTER}" for character in text)
