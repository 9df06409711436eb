"""Other people's hypervisors in the lab, looked at from outside by a gdb that stays here."""

import contextlib
import dataclasses
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.harness.gdb import GdbSession
from tests.harness.streams import Collector
from tests.linux.lab import LAB


@dataclasses.dataclass(frozen=True)
class Processor:
    host: str
    control: str  # what it has for each guest of a hypervisor's, as the monitor's command
    rip: str  # its field for the guest's RIP
    groups: tuple[str, ...]
    unwritable: str  # why nothing is written while the guest runs

    @property
    def name(self) -> str:
        return self.control.upper()


SVM = Processor("amd", "vmcb", "RIP", ("control area", "state-save area"), "the #VMEXIT overwrites it")
VMX = Processor("intel", "vmcs", "GUEST_RIP",
                ("guest-state area", "host-state area", "control fields", "exit-information fields"), "by leaving L2")


@contextlib.contextmanager
def attached(ringside: Path, folder: Path, host: str, limit: float, *options: object, symbols: Path | None = None) -> Iterator[GdbSession]:
    """A gdb attached to a machine in the lab before its first instruction. `options` are those of `ringside run`; the limit is in
    seconds, for the lab's start."""
    socket = folder / "gdb"
    server = subprocess.Popen([LAB / "gdb-server", "--host", host, "--endpoint", f"unix:{socket}", "--ringside", ringside, "--", *options],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    console, session = Collector(server.stdout), GdbSession(symbols)
    try:
        console.wait_for("a debugger may connect", limit)
        session.connect_to(str(socket))
        yield session
    finally:
        session.close()
        server.terminate()
        server.wait()
        print(console.text(), session.transcript())


def until(gdb: GdbSession, command: str, limit: float) -> str:
    """What the stop says that one of the monitor's commands makes the next `continue` end with."""
    gdb.console(f"monitor {command}")
    gdb.run("continue", limit)
    return gdb.printed()


def in_l2(gdb: GdbSession) -> bool:
    return "in its guest (L2)" in gdb.console("info threads")


class EveryCommand:
    """Every command about hypervisors, used on somebody's hypervisor. The guest must be stopped in L2, and L1 must enter L2 three
    times more."""

    def __init__(self, gdb: GdbSession, processor: Processor, folder: Path, limit: float):
        self.gdb, self.processor, self.limit = gdb, processor, limit
        self.script = folder / "every_command.py"
        self.address = re.search(rf"in its guest \(L2\), {processor.name} (0x\w+), ", gdb.console("info threads"))[1]

    def answer(self, command: str) -> str:
        return self.gdb.console(f"monitor {command}", self.limit)

    def until(self, command: str) -> str:
        return until(self.gdb, command, self.limit)

    def assert_all_answer(self) -> None:
        self.look_in_l2()
        self.look_in_l1()
        self.go_to_and_fro()

    def look_in_l2(self) -> None:
        control, rip = self.processor.control, self.gdb.integer("$pc")
        whole = self.answer(control)
        assert [group for group in self.processor.groups if f"{group}:" not in whole] == []
        assert re.search(rf"\b{self.processor.rip} +0x0*{rip:x}\b", self.answer(f"{control} {self.processor.rip}"))
        assert "L2 runs" in self.answer(f"{control} list")
        assert "broken rules: none" in self.answer(f"{control} check")
        self.script.write_text(self.answer("gdb-script"), encoding="utf-8")
        self.gdb.console(f"source {self.script}")
        assert self.gdb.integer(f'$_{control}("{self.processor.rip}")') == rip
        assert self.processor.unwritable in self.answer(self.write(rip))
        assert "here L2's" in self.answer("level")
        assert "Addresses and new breakpoints are L1's" in self.answer("level l1")
        assert "Addresses and new breakpoints are L2's" in self.answer("level l2")
        self.answer("level auto")

    def look_in_l1(self) -> None:
        assert "L2 has left to L1" in self.until("until vm-exit")
        assert not in_l2(self.gdb)
        chosen = f" {self.address}" if self.processor == SVM else ""
        assert re.search("(?m)^changed:", self.answer(f"{self.processor.control} diff{chosen}"))
        assert self.address in self.answer(f"{self.processor.control} list")
        shown = self.answer(f"{self.processor.control}{chosen} {self.processor.rip}")
        rip = int(re.search(rf"\b{self.processor.rip} +0x(\w+)", shown)[1], 16)
        assert re.search(rf"\b{self.processor.rip} +0x0*{rip:x}\b", self.answer(self.write(rip)))

    def write(self, rip: int) -> str:
        chosen = f" {self.address}" if self.processor == SVM else ""
        return f"{self.processor.control} write{chosen} {self.processor.rip} {rip:#x}"

    def go_to_and_fro(self) -> None:
        assert "L1 has entered its guest (L2)" in self.until("until vm-entry")
        assert in_l2(self.gdb)
        assert "L2 has left to L1" in self.until("step over-guest")
        assert not in_l2(self.gdb)
        self.answer("catch vm-entry-failure")
        self.answer("catch l2-exit")
        self.gdb.run("continue", self.limit)
        assert re.search(r"\(l2-exit\).*, of L2, ", self.gdb.printed()), self.gdb.printed()
        self.answer("exits uncatch")
        assert "L1 has entered its guest (L2)" in self.until("until vm-entry")
        assert re.search(r"(?m)^\w+ +[1-9]\d* +\d+ +\d+ ", self.answer("exits l2"))
        assert re.search(rf"by VMCS or VMCB: .*\bgpa {self.address}\b", self.answer("exits l2"))
