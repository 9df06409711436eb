"""A short session of a real gdb with each guest, under Ringside in the lab.

/usr/bin/python3 -m tests.lab.gdb_sessions [--host intel|amd] [--build FOLDER] [--json FILE] [NAME]...

The lane gdb runs these where there is no usable /dev/kvm: gdb is outside, the guest inside, a serial line between. One boot
serves all guests, one after the other.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.lab import checks
from tests.lab.ringlab import channel, ringside
from tests.lab.ringlab.batch import Test
from tests.lab.ringlab.errors import LabError
from tests.lab.ringlab.run_command import complain
from tests.lab.ringlab.runner import HOSTS, Job, boot, end_on_signals

PASSED = r"exited with code 041"  # 33, by which a guest says that it found everything right
GUEST_SECONDS = 120  # for a guest and its session, by the machine's clock
GDB_SECONDS = 60  # for gdb to end once its guest has


@dataclass(frozen=True)
class Session:
    """gdb's commands, and what its output must hold, in this order."""

    kernel: str
    commands: tuple[str, ...]
    expected: tuple[str, ...]
    symbols: str = ""  # if they are in another file than the kernel
    options: tuple[str, ...] = ()


SESSIONS = {
    "hello16": Session("hello16.bin", ("break print", "continue", "x/i $pc", "delete", "continue"),
                       ("Breakpoint 1, .*print", "=> 0x7c6d", PASSED), symbols="hello16.elf"),
    "protected32": Session("protected32", ("break area", "continue", "bt", "finish", "delete", "continue"),
                           (r"Breakpoint 1, area \(.*scale=10\)", "#1 .*main", "Value returned is .* = 420", PASSED),
                           options=("--gdb-arch=i386",)),
    "demo64": Session("demo64", ("break step", "continue", "bt", "stepi", "delete", "watch rounds_done", "continue"),
                      ("Breakpoint 1, .*step", "#1 ", "atchpoint 2: rounds_done", "New value = 1"), options=("--append=rounds=3",)),
    "smp": Session("smp", ("break cpu_work if cpu == 1", "continue", "info threads", "delete", "continue"),
                   (r"Breakpoint 1, .*cpu_work \(cpu=1", "Thread 1|1 +Thread", PASSED), options=("-c", "2", "--append=cpus=2 rounds=3")),
    "conformance": Session("conformance", ("hbreak *execute_site", "continue", "stepi", "info symbol $pc", "delete", "continue"),
                           ("Breakpoint 1, run_execute", r"run_execute \+ 8 in section", PASSED), options=("--append=test=execute rounds=1",)),
    "exits": Session("exits", ("break guest_main", "continue", "monitor exits", "delete", "continue"),
                     ("Breakpoint 1, guest_main", "exits", PASSED), options=("--append=only=cpuid_vendor",)),
}


class Gdb:
    """A gdb that works through its commands; all that it says goes to a file."""

    def __init__(self, session: Session, build: Path, endpoint: Path, log: Path):
        commands = ["set remotetimeout 120", f"target remote {endpoint}", *session.commands]
        symbols = build / "guests" / (session.symbols or session.kernel)
        words = ["gdb", "-q", "-nx", "-batch", *[word for command in commands for word in ("-ex", command)], str(symbols)]
        self._log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)

    def end(self, seconds: float) -> str:
        """What it has said when it ends, or is ended after so many seconds."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return self._log.read_text(errors="replace")


def missing(output: str, expected: tuple[str, ...]) -> str:
    """The first expectation that the output does not meet behind those before it; empty if it meets all."""
    position = 0
    for pattern in expected:
        found = re.compile(pattern).search(output, position)
        if found is None:
            return pattern
        position = found.end()
    return ""


class Visit:
    """One guest of a boot, from its start to its end, with its gdb."""

    def __init__(self, name: str, build: Path, endpoint: Path):
        self._name = name
        self._started = time.monotonic()
        self._gdb = Gdb(SESSIONS[name], build, endpoint, endpoint.with_name(name))
        self.said = bytearray()

    def end(self, host: str, lab_problem: str = "") -> bool:
        output = self._gdb.end(0 if lab_problem else GDB_SECONDS)
        lacks = missing(output, SESSIONS[self._name].expected)
        problem = f"nothing matches {lacks!r} in its place in gdb's output:\n{output}" if lacks else ""
        if problem or lab_problem:
            problem += f"\n    and the guest says:\n{self.said.decode(errors='replace')}\n{lab_problem}"
        return checks.show(f"lab-{host}.gdb.{self._name}", time.monotonic() - self._started, problem)


def job(host: str, build: Path, names: list[str], endpoint: Path) -> Job:
    """Each guest is held at its first instruction until gdb comes."""
    tests = []
    for name in names:
        kernel = build / "guests" / SESSIONS[name].kernel
        tests.append(Test(name, GUEST_SECONDS, ringside.held(build / "ringside", ["-m", "64M", *SESSIONS[name].options, str(kernel)])))
    return Job(host, tests, debugger_endpoint=f"unix:{endpoint}", debugger_ready=lambda _: None)


def visits(host: str, build: Path, names: list[str]) -> Iterator[bool]:
    """The guests one after the other, in one boot; if a session takes the machine down, those after it get another."""
    visit: Visit | None = None
    left = list(names)
    with tempfile.TemporaryDirectory(prefix="ringside-gdb-") as folder:
        endpoint = Path(folder) / "gdb"
        try:
            with boot(job(host, build, names, endpoint)) as events:
                for event in events:
                    match event:
                        case channel.Begin():
                            visit = Visit(left.pop(0), build, endpoint)
                        case channel.Output(data) if visit is not None:
                            visit.said += data
                        case channel.End() if visit is not None:
                            yield visit.end(host)
                            visit = None
        except LabError as error:
            if visit is None:
                raise
            yield visit.end(host, f"the lab: {error}\n{error.details}")
    if left:
        yield from visits(host, build, left)


def main() -> int:
    parser = checks.parser("tests.lab.gdb_sessions", __doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *SESSIONS], help="only these")
    parser.add_argument("--host", choices=sorted(HOSTS), default="intel")
    parser.add_argument("--build", type=Path, default=ringside.ROOT / "build" / "release")
    arguments = parser.parse_args()
    end_on_signals()
    try:
        return checks.finish(visits(arguments.host, arguments.build.resolve(), arguments.names or list(SESSIONS)), arguments.json)
    except LabError as error:
        return complain(error)


if __name__ == "__main__":
    sys.exit(main())
