"""Linux as a hypervisor, looked at from outside: its KVM runs a guest of a small VMM's (L2) in the lab's machine, while gdb here
is attached to the Linux (L1) that Ringside runs there."""

import dataclasses
import re
from pathlib import Path

import pytest

from tests.linux import hypervisors, modules
from tests.linux.debugged import LIMIT, DebuggedLinux, expect
from tests.linux.lab import kernel

# Where small_vmm.cpp puts its guest's code and counter.
CODE, COUNTER = 0x1000008000, 0x1000009000
CPUID = CODE + 2  # its second instruction
ROUNDS = 200


@dataclasses.dataclass(frozen=True)
class Driver:
    processor: hypervisors.Processor
    name: str
    runs: str  # the function that runs a vCPU
    enters: str  # and the one with the VM entry's instruction

    def file(self) -> Path:
        return kernel.prepare().module(self.name)


SVM = Driver(hypervisors.SVM, "kvm_amd", "svm_vcpu_run", "__svm_vcpu_run")
VMX = Driver(hypervisors.VMX, "kvm_intel", "vmx_vcpu_run", "__vmx_vcpu_run")


def files(ringside: Path, driver: Driver) -> dict[str, bytes]:
    needed = modules.in_order(kernel.prepare(), [driver.name])
    return {"/bin/small_vmm": (ringside.parent / "tests" / "linux" / "small_vmm").read_bytes(),
            **{f"/root/{number:02}.ko": module.read_bytes() for number, module in enumerate(needed)}}


def script(driver: Driver) -> str:
    sections = f"/sys/module/{driver.name}/sections"
    return f"""\
for module in /root/*.ko; do insmod $module; done
hostname $(cat {sections}/.text)-$(cat {sections}/.noinstr.text)
small_vmm {ROUNDS}
hostname ended-$?
"""


class Hypervisor:
    """One boot, up to the small VMM's end."""

    def __init__(self, linux: DebuggedLinux, driver: Driver):
        self.linux, self.gdb, self.driver, self.processor = linux, linux.gdb, driver, driver.processor

    def monitor(self, command: str) -> str:
        text = self.gdb.console(f"monitor {command}", LIMIT)
        print(f"monitor {command}\n{text}", flush=True)
        return text

    def go_on(self, command: str = "continue") -> str:
        """Resumes the guest up to its next stop, and returns what that says."""
        self.gdb.run(command, LIMIT)
        text = self.gdb.printed()
        print(text, flush=True)
        return text

    def until(self, what: str) -> str:
        self.monitor(what)
        return self.go_on()

    def in_l2(self) -> bool:
        return hypervisors.in_l2(self.gdb)

    def at(self, address: int) -> bool:
        return self.gdb.integer("$pc") == address

    # ---- The parts, in this order

    def load_symbols(self) -> None:
        self.linux.expect_meetings()
        self.linux.go_on()
        text, noinstr = self.linux.meeting().split("-")
        self.gdb.console(f"add-symbol-file {self.driver.file()} {text} -s .noinstr.text {noinstr}")

    def enter_for_the_first_time(self) -> None:
        self.linux.stop_at("break", self.driver.runs)
        expect(not self.in_l2(), "a breakpoint in L1's KVM stops in L1")
        expect("L1 has entered its guest (L2)" in self.until("until vm-entry"), "the first VM entry stops")
        expect(self.in_l2() and self.at(CODE), "at L2's first instruction")

    def catch_an_exit(self) -> None:
        self.monitor("exits catch l2-exit io")
        expect("of L2, passed on to the guest hypervisor (L1)" in self.go_on(), "an exit of L2's is caught")
        expect(not self.in_l2() and self.driver.enters in self.gdb.console("info symbol $pc"), "where L1's KVM goes on")
        self.monitor("exits uncatch")
        counted = self.monitor("exits l2")
        expect(re.search(r"(?m)^CPUID +[1-9]\d* +0 +[1-9]", counted) is not None, "L2's exits are counted")
        expect("L1 has entered its guest (L2)" in self.until("until vm-entry"), "L1 goes back to L2")

    def look_at_both_levels(self) -> None:
        code = self.gdb.console(f"x/2i {CPUID:#x}")
        expect("cpuid" in code and re.search(r"inc +%r12", code) is not None, "L2's code is shown at its addresses")
        expect(self.gdb.integer(f"*(unsigned long*){COUNTER:#x}") == self.gdb.integer("$r12"), "and L2's memory")
        walk = self.monitor(f"translate {COUNTER:#x}")
        expect(re.search(rf"(?m)^{COUNTER:#x} -> gpa 0x(?!9000,)", walk) is not None, "a walk goes through the tables of both")
        self.monitor("level l1")
        expect("Linux version" in self.gdb.console("x/s &linux_banner"), "`level l1` shows L1's memory")
        self.monitor("level auto")

    def break_in_l2(self) -> None:
        rounds = self.gdb.integer("$r12")
        self.gdb.console(f"break *{CPUID:#x}")
        self.go_on()
        expect(self.in_l2() and self.at(CPUID), "a breakpoint in L2's code stops there")
        expect(self.gdb.integer("$r12") == rounds, "in the next round")
        self.gdb.console("delete")
        expect("L2 has left to L1" in self.until("until vm-exit"), "the next VM exit stops")
        expect(not self.in_l2() and self.driver.enters in self.gdb.console("info symbol $pc"), "where L1's KVM goes on")

    def use_every_command(self, folder: Path) -> None:
        """The script for gdb that it reads brings new symbols of Linux, without the driver's."""
        expect("L1 has entered its guest (L2)" in self.until("until vm-entry"), "L1 goes back to L2")
        hypervisors.EveryCommand(self.gdb, self.processor, folder, LIMIT).assert_all_answer()

    def end(self) -> None:
        self.gdb.console("delete")
        self.linux.expect_meetings()
        self.linux.go_on()
        expect(self.linux.meeting() == "ended-0", "the VMM has counted what its guest did")


@pytest.mark.parametrize("driver", [SVM, VMX], ids=["amd", "intel"])
def test_linux_runs_a_guest(ringside: Path, tmp_path: Path, driver: Driver) -> None:
    with DebuggedLinux(ringside, script(driver), files(ringside, driver), host=driver.processor.host) as linux:
        hypervisor = Hypervisor(linux, driver)
        hypervisor.load_symbols()
        hypervisor.enter_for_the_first_time()
        hypervisor.catch_an_exit()
        hypervisor.look_at_both_levels()
        hypervisor.break_in_l2()
        hypervisor.use_every_command(tmp_path)
        hypervisor.end()
