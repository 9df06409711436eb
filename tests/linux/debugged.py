"""Debian's kernel under a real gdb: Ringside runs it in the lab's Intel machine, where breakpoints are real, unless a test asks
for another; gdb runs here.

The guest does what a script of the test's says. The two meet where the script says `hostname NAME`: that system call is rare
enough to be a meeting place, and its argument says which one was reached, or what the script has found out. (What it writes to
the console may still be on its way then.)
"""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.harness.gdb import GdbSession
from tests.harness.streams import Collector
from tests.linux import initramfs, symbols
from tests.linux.lab import LAB, kernel

LIMIT = 300  # seconds, for the lab's start and for each stop
MEETING = "__x64_sys_sethostname"
FIRST_ARGUMENT = 112  # of a system call, in bytes: rdi in struct pt_regs


def expect(condition: bool, what: str) -> None:
    print(("ok       " if condition else "WRONG    ") + what, flush=True)
    if not condition:
        raise AssertionError(what)


class DebuggedLinux:
    """A guest stopped at its first instruction, and gdb attached to it. A context manager."""

    def __init__(self, ringside: Path, script: str = "", files: Mapping[str, bytes] | None = None, options: str = "",
                 append: str = "quiet", gdb: GdbSession | None = None, host: str = "intel"):
        self._folder = tempfile.TemporaryDirectory(prefix="ringside-linux-")
        folder = Path(self._folder.name)
        archive = folder / "guest.cpio"
        archive.write_bytes(initramfs.build({**(files or {}), "/script": script.encode()}))
        bzimage = next(kernel.prepare().tree.glob("boot/vmlinuz-*"))
        self._socket = folder / "gdb"
        self._server = subprocess.Popen(
            [LAB / "gdb-server", "--host", host, "--endpoint", f"unix:{self._socket}", "--ringside", ringside, "--",
             "-m", "256M", *options.split(), "-i", archive, "--append", f"console=ttyS0 reboot=k panic=-1 {append}", bzimage],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.console = Collector(self._server.stdout)
        self.gdb = gdb or GdbSession(symbols.prepare())

    def __enter__(self) -> "DebuggedLinux":
        try:
            self.console.wait_for("a debugger may connect", LIMIT)
            self.gdb.connect_to(str(self._socket))
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is not None:
            print(f"-- the lab:\n{self.console.text()}\n{self.gdb.transcript()}", flush=True)
        self._end()

    def _end(self) -> None:
        self.gdb.close()
        self._server.terminate()
        self._server.wait()
        self.console.join()
        self._folder.cleanup()

    # ---- Stops

    def go_on(self, command: str = "continue") -> str:
        """Resumes the guest up to its next stop. Returns the function that it stopped in, or ""."""
        return self.gdb.run(command, LIMIT).get("frame", {}).get("func", "")

    def stop_at(self, command: str, place: str) -> str:
        """Sets a breakpoint at a function, runs to it, removes it. Returns the backtrace."""
        answer = self.gdb.console(f"{command} {place}")
        function = self.go_on()
        expect(function == place.lstrip("*"), f"{command} {place}: stopped in {function}")
        backtrace = self.backtrace()
        if command != "tbreak":
            self.gdb.console("delete " + answer.split("reakpoint ")[1].split()[0])
        return backtrace

    def backtrace(self) -> str:
        backtrace = self.gdb.console("bt", LIMIT)
        print(backtrace, flush=True)
        return backtrace

    # ---- Meetings with the guest's script

    def expect_meetings(self) -> None:
        """From now on `hostname NAME` stops the guest."""
        self.gdb.console(f"break *{MEETING}")

    def meeting(self) -> str:
        """The NAME that the script has reached; "" if the guest is elsewhere."""
        if self.gdb.integer("$pc") != self.gdb.integer(f"(unsigned long)&{MEETING}"):
            return ""
        return self.gdb.console(f"x/s *(char**)($rdi + {FIRST_ARGUMENT})").split('"')[1]

    def meet(self, name: str) -> None:
        """Lets the guest run to the meeting `name`; no other stop may come before it."""
        self.go_on()
        met = self.meeting()
        expect(met == name, f"the script comes to '{name}'" + ("" if met == name else f": not to '{met}'"))
