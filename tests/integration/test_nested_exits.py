"""What happens between a guest that is a hypervisor (L1) and its guest (L2): exits told apart, transitions, failures."""

import re

import pytest

from tests.integration.nested_case import SVM, VMX, NestedTest

ROUNDS = 3
# The names of L2's exits on each kind of processor, in the order in which L2 makes them.
OF_L2 = {True: ("CPUID", "IO_INSTRUCTION", "HLT", "EPT_VIOLATION", "VMCALL"),
         False: ("CPUID", "IO", "HLT", "NPF", "HYPERCALL")}


class TransitionTest(NestedTest):
    def started(self, *options: str):
        self.vmx = self.kind() == VMX
        vm, gdb = self.attached("hypervisor", *options)
        return vm, gdb

    def in_l2(self, gdb) -> bool:
        return "(L2)" in gdb.console("info threads")

    def until(self, gdb, command: str) -> str:
        """Runs to where the command leads, and returns what the stop says."""
        assert "The next `continue` stops vCPU 0" in gdb.console(f"monitor {command}")
        gdb.run("continue")
        return gdb.printed()


class TestExitsOfL2(TransitionTest):
    def test_they_are_counted_apart_with_who_handled_them(self):
        vm, gdb = self.started(f"--append=rounds={ROUNDS}")
        assert "none" in gdb.console("monitor exits l2")
        gdb.console("break guest::debug_exit")
        self.assert_breakpoint(gdb.run("continue"), "debug_exit")
        shown = gdb.console("monitor exits l2")
        assert re.search(r"reason +count +by KVM +by L1 +made by KVM +in guest +exit to entry", shown)
        handled = gdb.evaluate("hypervisor::exits_handled")
        assert handled.startswith(f"{{{ROUNDS}, {ROUNDS}, {ROUNDS}, 1, {ROUNDS}"), handled
        for name, count in zip(OF_L2[self.vmx], (ROUNDS, ROUNDS, ROUNDS, 1, ROUNDS), strict=True):
            row = re.search(rf"(?mi)^{name} +(\d+) +(\d+) +(\d+) +(\d+)", shown)
            assert row, shown
            assert int(row[3]) == count, shown  # by L1
            assert int(row[1]) == int(row[2]) + int(row[3]), shown
        assert re.search(r"VM entries by the guest \(L1\), by VMCS or VMCB: \d+ with the one at gpa 0x", shown)

    def test_one_is_caught_and_l1s_own_are_not(self):
        _, gdb = self.started(f"--append=rounds={ROUNDS}")
        gdb.console("monitor catch l2-exit cpuid")
        for _ in range(2):
            gdb.run("continue")
            said = gdb.printed()
            assert "CPUID" in said and "of L2, passed on to the guest hypervisor (L1)" in said
            assert not self.in_l2(gdb)
        assert re.search(r"l2-exit cpuid +2 +kvm:kvm_nested_vmexit", gdb.console("monitor exits list"))

    def test_what_is_not_understood_is_said(self):
        _, gdb = self.started()
        assert '"cpuid" was found' in gdb.console("monitor catch vm-entry cpuid")
        assert "no exit of this name" in gdb.console("monitor catch l2-exit bogus")


class TestTransitions(TransitionTest):
    def test_to_and_fro(self):
        vm, gdb = self.started(f"--append=rounds={ROUNDS}")
        assert "L1 has entered its guest (L2)" in self.until(gdb, "until vm-entry")
        assert self.in_l2(gdb)
        assert gdb.integer("$pc") == gdb.integer("&l2_main")
        said = self.until(gdb, "until vm-exit")
        assert "L2 has left to L1: CPUID" in said
        assert not self.in_l2(gdb)
        counted = gdb.console("monitor exits l2")
        assert re.search("not counted yet, because vCPU 0 has not been entered since: CPUID.*, of L2, passed on", counted)
        assert gdb.integer("$pc") == gdb.integer("&vmx_exit" if self.vmx else "&svm_run + 6")
        assert "L1 has entered its guest (L2)" in self.until(gdb, "until vm-entry")
        counted = gdb.console("monitor exits l2")
        assert re.search(r"(?m)^CPUID +1 +0 +1 ", counted)
        assert "not counted yet" not in counted
        gdb.start("continue")
        assert vm.wait() == 33

    def test_rules_on_both_stop_at_both(self):
        _, gdb = self.started(f"--append=rounds={ROUNDS}")
        gdb.console("monitor catch vm-exit")
        gdb.console("monitor catch vm-entry")
        for _ in range(2):
            gdb.run("continue")
            assert re.search(r"rule 2 \(vm-entry\), .*L1 has entered its guest", gdb.printed())
            assert self.in_l2(gdb)
            gdb.run("continue")
            assert re.search(r"rule 1 \(vm-exit\), .*L2 has left to L1", gdb.printed())
            assert not self.in_l2(gdb)

    def test_a_step_over_the_guest(self):
        _, gdb = self.started(f"--append=rounds={ROUNDS}")
        assert "not a VM entry" in gdb.console("monitor step over-guest")
        self.run_to_vm_entry(gdb, self.vmx)
        assert "L2 has left to L1: CPUID" in self.until(gdb, "step over-guest")
        assert not self.in_l2(gdb)

    def test_another_stop_ends_the_waiting(self):
        self.needs(VMX)
        _, gdb = self.started(f"--append=rounds={ROUNDS}")
        gdb.console("break hypervisor::handle")
        gdb.console("break hypervisor::l2_round")
        assert "The next `continue` stops" in gdb.console("monitor until vm-exit")
        self.assert_breakpoint(gdb.run("continue"), "l2_round")
        self.assert_breakpoint(gdb.run("continue"), "handle")
        assert "L2 has left" not in gdb.printed()

    @pytest.mark.full_gdb
    def test_gdbs_own_command_also_continues(self):
        _, gdb = self.started()
        self.source_script(gdb)
        gdb.run("ringside until vm-entry")
        assert "L1 has entered its guest (L2)" in gdb.printed()


class TestEntryFailures(TransitionTest):
    def failure(self, broken: str) -> str:
        self.needs(VMX)
        _, gdb = self.started(f"--append=break={broken}")
        gdb.console("monitor catch vm-entry-failure")
        gdb.run("continue")
        said = gdb.printed()
        assert not self.in_l2(gdb)
        return said

    def test_a_control_names_its_rule(self):
        said = self.failure("CR3_TARGET_COUNT")
        assert "L1's VM entry has failed: VM-instruction error 7" in said
        assert re.search(r"CR3_TARGET_COUNT = 0x5 .*\(SDM volume 3, ", said)

    def test_the_host_state_names_its_rule(self):
        assert re.search(r"error 8 .*HOST_RIP = 0x\w+ .*\(SDM volume 3, ", self.failure("HOST_RIP"))

    def test_the_guest_state_names_its_rule(self):
        assert re.search(r"VM exit with reason 33 .*GUEST_CR0 = 0x\w+ .*\(SDM volume 3, ", self.failure("GUEST_CR0"))

    def test_a_vmrun_names_kvms_check(self):
        self.needs(SVM)
        _, gdb = self.started()
        gdb.console("monitor catch vm-entry-failure")
        gdb.console("break svm_enter")
        self.assert_breakpoint(gdb.run("continue"), "svm_enter")
        gdb.console(f"monitor vmcb write {gdb.integer('$rsi')} EFER 0x500")
        gdb.console("delete")
        gdb.run("continue")
        said = gdb.printed()
        assert "L1's VM entry has failed: VMEXIT_INVALID" in said
        assert "EFER = 0x500 SVME must be 1 (APM volume 2, 15.5.1)" in said
        assert re.search("KVM's own check that failed: .*EFER_SVME", said)
