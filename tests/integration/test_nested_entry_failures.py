"""A stop where L1 continues after a VM entry that has failed says which rule was broken. No exit rule is needed for that."""

import re

import pytest

from tests.integration.nested_case import SVM, VMX, NestedTest

HAS_FAILED = "L1's VM entry has failed: "
OF_VMX = {
    "CR3_TARGET_COUNT": r"VM-instruction error 7 \(.*\)\. CR3_TARGET_COUNT = 0x5 .*\(SDM volume 3, ",
    "HOST_CR0": r"VM-instruction error 8 \(.*\)\. HOST_CR0 = 0x\w+ lacks a bit .*\(SDM volume 3, ",
    "GUEST_CR0": r"a VM exit with reason 33 \(.*\)\. GUEST_CR0 = 0x\w+ lacks a bit .*\(SDM volume 3, ",
}
OF_SVM = {
    "GUEST_ASID": r"VMEXIT_INVALID\. GUEST_ASID = 0x0 .*\(APM volume 2, ",
    "EFER": r"VMEXIT_INVALID\. EFER = 0x500 SVME must be 1 \(APM volume 2, ",
}
BEHIND_VMRUN = "&svm_run + 6"


class TestStopsBehindAVmEntry(NestedTest):
    def at_the_entry(self, kind: str, broken: str):
        """gdb, stopped at the VM entry that is going to fail. Nothing is said of it yet."""
        _, gdb = self.hypervisor(kind, f"--append=break={broken}")
        self.run_to_vm_entry(gdb, kind == VMX)
        assert HAS_FAILED not in gdb.printed()
        return gdb

    @pytest.mark.parametrize(("kind", "broken", "how"), [(VMX, *way) for way in OF_VMX.items()] + [(SVM, *way) for way in OF_SVM.items()],
                             ids=[*OF_VMX, *OF_SVM])
    def test_a_step_over_it(self, kind: str, broken: str, how: str):
        gdb = self.at_the_entry(kind, broken)
        gdb.run("stepi")
        assert re.search(HAS_FAILED + how, gdb.printed())
        gdb.run("stepi")
        assert HAS_FAILED not in gdb.printed()

    def test_a_breakpoint_where_l1_continues(self):
        vmx = self.kind() == VMX
        _, gdb = self.attached("hypervisor", f"--append=break={'GUEST_CR0' if vmx else 'GUEST_ASID'}")
        gdb.console("break *&vmx_exit" if vmx else f"break *({BEHIND_VMRUN})")
        assert gdb.run("continue")["reason"] == "breakpoint-hit"
        assert re.search(HAS_FAILED + (OF_VMX["GUEST_CR0"] if vmx else OF_SVM["GUEST_ASID"]), gdb.printed())

    def test_it_is_not_said_twice(self):
        vmx = self.kind() == VMX
        _, gdb = self.attached("hypervisor", f"--append=break={'GUEST_CR0' if vmx else 'GUEST_ASID'}")
        gdb.console("monitor catch vm-entry-failure")
        gdb.run("continue")
        assert gdb.printed().count(HAS_FAILED) == 1

    def test_without_a_vmcs(self):
        self.needs(VMX)
        _, gdb = self.attached("hypervisor")
        gdb.console("break hypervisor::build_l2_memory")  # VMXON has been executed, VMPTRLD has not
        self.assert_breakpoint(gdb.run("continue"), "build_l2_memory")
        entry = re.search(r"(?m)^ +(0x\w+) .*vmlaunch", gdb.console("x/40i &vmx_enter"))[1]
        gdb.console(f"set $pc = {entry}")
        gdb.run("stepi")
        assert HAS_FAILED + "no VMCS is current" in gdb.printed()

    def test_entries_that_succeed(self):
        vmx = self.kind() == VMX
        vm, gdb = self.attached("hypervisor", "--append=rounds=2")
        gdb.console("break *&vmx_exit" if vmx else f"break *({BEHIND_VMRUN})")
        for _ in range(5):
            assert gdb.run("continue")["reason"] == "breakpoint-hit"
            assert HAS_FAILED not in gdb.printed()
            gdb.run("stepi")
            assert HAS_FAILED not in gdb.printed()
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33


class TestEachVcpusOwnStop(NestedTest):
    """Non-stop mode: two vCPUs stop on their own."""

    CODE, VMCB, HOST_SAVE_AREA = 0x2000000, 0x2001000, 0x2002000  # RAM that the guest does not use
    VMRUN, SVME, VM_HSAVE_PA = 0xd8010f, 0x1000, 0xc0010117

    def two_at_a_vmrun(self):
        """gdb, and two vCPUs at a VMRUN of a VMCB that is all zeros."""
        self.needs(SVM)
        vm = self.ringside(self.guest("smp"), "--cpus", 2, "--append=cpus=2 rounds=0")
        gdb = self.gdb(self.guest("smp"))
        for setting in ("mi-async on", "non-stop on"):
            gdb.console(f"set {setting}")
        gdb.connect(vm.port())
        gdb.wait_stop()
        gdb.console("break cpu_work")
        gdb.command("-exec-continue --all")
        for _ in range(2):
            gdb.wait_stop()
        gdb.console("delete")
        gdb.console(f"set var *(unsigned*){self.CODE:#x} = {self.VMRUN:#x}")
        for thread in (1, 2):
            gdb.console(f"thread {thread}")
            gdb.console(f"monitor msr {self.VM_HSAVE_PA:#x} ={self.HOST_SAVE_AREA:#x}")
            for register, value in (("efer", f"$efer | {self.SVME:#x}"), ("rax", self.VMCB), ("rip", self.CODE)):
                gdb.console(f"set ${register} = {value}")
        return gdb

    def test_each_says_what_has_failed_there(self):
        gdb = self.two_at_a_vmrun()
        for thread in (1, 2):
            gdb.command(f"-exec-step-instruction --thread {thread}")
        for _ in range(2):
            gdb.wait_stop()
        said = gdb.console("monitor level")  # in non-stop mode a client gets text with its next command
        for vcpu in (0, 1):
            assert len(re.findall(rf"vCPU {vcpu}: {HAS_FAILED}VMEXIT_INVALID\. .*GUEST_ASID = 0x0 ", said)) == 1, said
