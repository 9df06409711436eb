"""The base of the tests of guests that are hypervisors."""

import re

import pytest

from tests.harness.case import RingsideTest

VMX = "hypervisor: VMX"
SVM = "hypervisor: SVM"


class NestedTest(RingsideTest):
    def kind(self) -> str:
        """VMX or SVM: what the processor offers its guests. Skips the test if that is neither; the guest says so itself."""
        vm = self.ringside(self.guest("hypervisor"), "--append=rounds=0", gdb=None)
        vm.wait()
        for kind in (VMX, SVM):
            if kind in vm.stdout.text():
                return kind
        pytest.skip(f"no guest can be a hypervisor here: {vm.stdout.text().strip()}")

    def needs(self, kind: str) -> None:
        """Skips the test unless the processor offers its guests this one."""
        if self.kind() != kind:
            pytest.skip(f"{kind.split()[-1]} is not to be had for guests here")

    def run_to_vm_entry(self, gdb, vmx: bool) -> None:
        """Runs and steps to the hypervisor's VMLAUNCH or VMRUN."""
        gdb.console("break vmx_enter" if vmx else "break svm_enter")
        gdb.run("continue")
        for _ in range(60):
            if re.search(r"vmlaunch|vmrun", gdb.console("x/i $pc")):
                break
            gdb.run("stepi")

    def hypervisor(self, kind: str, *options: str):
        """The hypervisor, and gdb attached to it before its first instruction."""
        self.needs(kind)
        return self.attached("hypervisor", *options)
