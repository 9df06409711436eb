"""A short session of a real gdb with each guest, under Ringside in the lab.

/usr/bin/python3 -m tests.lab.gdb_sessions [--host intel|amd] [--build FOLDER] [--json FILE] [NAME]...

The lane gdb runs these where there is no usable /dev/kvm: gdb is outside, the guest inside, a serial line between.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PASSED = r"exited with code 041"  # 33, by which a guest says that it found everything right
GDB_SECONDS = 300


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


class Server:
    """tests/lab/gdb-server with a guest that waits for its debugger."""

    def __init__(self, host: str, build: Path, session: Session, endpoint: Path):
        command = ["tests/lab/gdb-server", "--host", host, "--endpoint", f"unix:{endpoint}", "--ringside",
                   str(build / "ringside"), "--", "-m", "64M", *session.options, str(build / "guests" / session.kernel)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace")
        self.output = ""

    def wait_until_ready(self) -> bool:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if "a debugger may connect" in line:
                return True
        return False

    def end(self) -> None:
        self.process.terminate()  # the machine goes with it
        self.output += self.process.communicate()[0]


def run_gdb(symbols: Path, endpoint: Path, session: Session) -> str:
    commands = ["set remotetimeout 120", f"target remote {endpoint}", *session.commands]
    words = ["gdb", "-q", "-nx", "-batch", *[word for command in commands for word in ("-ex", command)], str(symbols)]
    try:
        return subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=GDB_SECONDS, check=False).stdout
    except subprocess.TimeoutExpired as error:
        return f"{(error.stdout or b'').decode(errors='replace')}\ngdb was still waiting after {GDB_SECONDS} s"


def missing(output: str, expected: tuple[str, ...]) -> str:
    """The first expectation that the output does not meet behind those before it; empty if it meets all."""
    position = 0
    for pattern in expected:
        found = re.compile(pattern).search(output, position)
        if found is None:
            return pattern
        position = found.end()
    return ""


def show(name: str, host: str, build: Path) -> bool:
    started = time.monotonic()
    session = SESSIONS[name]
    with tempfile.TemporaryDirectory(prefix="ringside-gdb-") as folder:
        endpoint = Path(folder) / "gdb"
        server = Server(host, build, session, endpoint)
        try:
            ready = server.wait_until_ready()
            output = run_gdb(build / "guests" / (session.symbols or session.kernel), endpoint, session) if ready else ""
        finally:
            server.end()
    lacks = missing(output, session.expected)
    print(f"{'failed' if lacks else 'passed':<8} lab-{host}.gdb.{name} ({time.monotonic() - started:.1f} s)", flush=True)
    if lacks:
        print(f"    nothing matches {lacks!r} in its place in gdb's output:\n{output}\n    and the lab says:\n{server.output}")
    return not lacks


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.lab.gdb_sessions", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *SESSIONS], help="only these")
    parser.add_argument("--host", choices=("amd", "intel"), default="intel")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the counts there")
    arguments = parser.parse_args()
    results = [show(name, arguments.host, arguments.build.resolve()) for name in arguments.names or SESSIONS]
    counts = {"passed": results.count(True), "failed": results.count(False), "skipped": 0}
    if arguments.json:
        arguments.json.write_text(json.dumps(counts), encoding="utf-8")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
