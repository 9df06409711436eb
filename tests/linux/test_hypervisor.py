"""Linux as a hypervisor, looked at from outside: its KVM runs a guest of a small VMM's (L2) in the lab's machine, while gdb here
is attached to the Linux (L1) that Ringside runs there."""

import dataclasses
import re
from pathlib import Path

import pytest

from tests.linux import modules
from tests.linux.debugged import LIMIT, DebuggedLinux, expect
from tests.linux.lab import kernel

# Where small_vmm.cpp puts its guest's code and counter.
CODE, COUNTER = 0x1000008000, 0x1000009000
CPUID = CODE + 2  # its second instruction
ROUNDS = 200


@dataclasses.dataclass(frozen=True)
class Processor:
    host: str
    driver: str
    runs: str  # the driver's function that runs a vCPU
    enters: str  # and the one with the VM entry's instruction
    control: str  # what the processor has, as the monitor's command
    rip: str  # and its field for the guest's RIP


SVM = Processor("amd", "kvm_amd", "svm_vcpu_run", "__svm_vcpu_run", "vmcb", "RIP")
VMX = Processor("intel", "kvm_intel", "vmx_vcpu_run", "__vmx_vcpu_run", "vmcs", "GUEST_RIP")


def driver(processor: Processor) -> Path:
    return kernel.prepare().module(processor.driver)


def files(ringside: Path, processor: Processor) -> dict[str, bytes]:
    needed = modules.in_order(kernel.prepare(), [processor.driver])
    return {"/bin/small_vmm": (ringside.parent / "tests" / "linux" / "small_vmm").read_bytes(),
            **{f"/root/{number:02}.ko": module.read_bytes() for number, module in enumerate(needed)}}


def script(processor: Processor) -> str:
    sections = f"/sys/module/{processor.driver}/sections"
    return f"""\
for module in /root/*.ko; do insmod $module; done
hostname $(cat {sections}/.text)-$(cat {sections}/.noinstr.text)
small_vmm {ROUNDS}
hostname ended-$?
"""


class Hypervisor:
    """One boot, up to the small VMM's end."""

    def __init__(self, linux: DebuggedLinux, processor: Processor):
        self.linux, self.gdb, self.processor = linux, linux.gdb, processor

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
        return "in its guest (L2)" in self.gdb.console("info threads")

    def at(self, address: int) -> bool:
        return self.gdb.integer("$pc") == address

    # ---- The parts, in this order

    def load_symbols(self) -> None:
        self.linux.expect_meetings()
        self.linux.go_on()
        text, noinstr = self.linux.meeting().split("-")
        self.gdb.console(f"add-symbol-file {driver(self.processor)} {text} -s .noinstr.text {noinstr}")

    def enter_for_the_first_time(self) -> None:
        self.linux.stop_at("break", self.processor.runs)
        expect(not self.in_l2(), "a breakpoint in L1's KVM stops in L1")
        expect("L1 has entered its guest (L2)" in self.until("until vm-entry"), "the first VM entry stops")
        expect(self.in_l2() and self.at(CODE), "at L2's first instruction")

    def catch_an_exit(self) -> None:
        self.monitor("exits catch l2-exit io")
        expect("of L2, passed on to the guest hypervisor (L1)" in self.go_on(), "an exit of L2's is caught")
        expect(not self.in_l2() and self.processor.enters in self.gdb.console("info symbol $pc"), "where L1's KVM goes on")
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

    def look_at_the_control(self) -> None:
        shown = self.monitor(f"{self.processor.control} {self.processor.rip}")
        expect(re.search(rf"\b{self.processor.rip} +0x0*{CODE >> 12:x}", shown) is not None, "the control structure has L2's RIP")
        expect("L2 runs" in self.monitor(f"{self.processor.control} list"), "the list has it")
        if self.processor == VMX:
            expect("broken rules: none" in self.monitor("vmcs check"), "Linux's VMCS breaks no rule")

    def break_in_l2(self) -> None:
        rounds = self.gdb.integer("$r12")
        self.gdb.console(f"break *{CPUID:#x}")
        self.go_on()
        expect(self.in_l2() and self.at(CPUID), "a breakpoint in L2's code stops there")
        expect(self.gdb.integer("$r12") == rounds, "in the next round")
        self.gdb.console("delete")
        expect("L2 has left to L1" in self.until("until vm-exit"), "the next VM exit stops")
        expect(not self.in_l2() and self.processor.enters in self.gdb.console("info symbol $pc"), "where L1's KVM goes on")

    def end(self) -> None:
        self.gdb.console("delete")
        self.linux.expect_meetings()
        self.linux.go_on()
        expect(self.linux.meeting() == "ended-0", "the VMM has counted what its guest did")


@pytest.mark.parametrize("processor", [SVM, VMX], ids=["amd", "intel"])
def test_linux_runs_a_guest(ringside: Path, processor: Processor) -> None:
    with DebuggedLinux(ringside, script(processor), files(ringside, processor), host=processor.host) as linux:
        hypervisor = Hypervisor(linux, processor)
        hypervisor.load_symbols()
        hypervisor.enter_for_the_first_time()
        hypervisor.catch_an_exit()
        hypervisor.look_at_both_levels()
        hypervisor.look_at_the_control()
        hypervisor.break_in_l2()
        hypervisor.end()
