"""A guest that is a hypervisor, on a host without KVM's tracepoints: what needs them is refused with the reason, all else works."""

import re

import pytest

from tests.integration.nested_case import SVM, VMX, NestedTest

# Its own mounts, where tracefs is an empty folder.
WITHOUT_TRACEFS = ("unshare", "--mount", "sh", "-ec", """
    for folder in /sys/kernel/tracing /sys/kernel/debug; do [ ! -d $folder ] || mount -t tmpfs none $folder; done
    exec "$@"
    """, "without-tracefs")
MISSING = "tracefs is not mounted. As root: mount -t tracefs tracefs /sys/kernel/tracing"
NEED_THEM = ("until vm-entry", "until vm-exit", "catch l2-exit", "catch l2-exit cpuid", "catch vm-entry", "catch vm-exit",
             "catch vm-entry-failure", "exits l2")


class TestWithoutTracefs(NestedTest):
    def attached_there(self):
        self.vmx = self.kind() == VMX
        vm = self.ringside(self.guest("hypervisor"), "--append=rounds=3", prefix=WITHOUT_TRACEFS)
        gdb = self.gdb(self.guest("hypervisor"))
        gdb.connect(vm.port())
        return vm, gdb

    @pytest.mark.parametrize("command", NEED_THEM)
    def test_what_needs_tracepoints_says_so(self, command: str):
        _, gdb = self.attached_there()
        assert MISSING in gdb.console(f"monitor {command}")
        assert "none" in gdb.console("monitor exits list")

    def test_a_step_over_the_guest_says_so(self):
        _, gdb = self.attached_there()
        self.run_to_vm_entry(gdb, self.vmx)
        assert MISSING in gdb.console("monitor step over-guest")

    def test_the_last_exit_of_an_ordinary_vcpu_is_not_known(self):
        _, gdb = self.attached_there()
        if not self.vmx:
            pytest.skip("an AMD vCPU has no VMCS")
        gdb.console("break hypervisor::run_on_vmx")
        gdb.run("continue")
        shown = gdb.console("monitor vmcs")
        assert re.search(f"The last hardware exit is not known.*{re.escape(MISSING)}", shown)
        assert re.search(r"KVM does not tell:.* EXIT_REASON", shown)
        assert re.search(rf"GUEST_RIP +0x0*{gdb.integer('$pc'):x}\b", shown)

    def test_both_levels_and_the_vmcs_are_seen(self):
        self.needs(VMX)
        vm, gdb = self.attached_there()
        gdb.console("break hypervisor::handle")
        self.assert_breakpoint(gdb.run("continue"), "handle")
        assert re.search(r"EXIT_REASON .*\bCPUID\b", gdb.console("monitor vmcs EXIT_REASON"))
        assert "broken rules: none" in gdb.console("monitor vmcs check")
        gdb.console("monitor level l2")
        assert gdb.integer("hypervisor::l2_rounds") == 1
        gdb.console("monitor level auto")
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33

    def test_the_vmcb_is_seen(self):
        self.needs(SVM)
        vm, gdb = self.attached_there()
        gdb.console("break svm_enter")
        self.assert_breakpoint(gdb.run("continue"), "svm_enter")
        address = hex(gdb.integer("$rsi"))
        assert re.search(rf"\bRIP +0x0*{gdb.integer('&l2_main'):x}\b", gdb.console(f"monitor vmcb {address}"))
        assert "broken rules: none" in gdb.console("monitor vmcb check $rsi")
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33

    def test_a_breakpoint_in_l2_stops_and_a_step_there_is_refused_with_the_reason(self):
        self.needs(VMX)
        vm, gdb = self.attached_there()
        gdb.console("break hypervisor::l2_round")
        self.assert_breakpoint(gdb.run("continue"), "l2_round")
        assert "in its guest (L2)" in gdb.console("info threads")
        pc = gdb.integer("$pc")
        gdb.run("stepi")
        assert MISSING in gdb.printed()
        assert gdb.integer("$pc") == pc
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33

    def test_a_breakpoint_that_is_found_by_stepping_does_not_cross_l2_and_says_so(self):
        """This processor's KVM reports no int3, and without tracepoints there are no other planted instructions."""
        self.needs(SVM)
        vm, gdb = self.attached_there()
        gdb.console("break hypervisor::handle")
        gdb.run("continue")
        assert MISSING in gdb.printed()
        assert "in its guest (L2)" in gdb.console("info threads")
        assert gdb.integer("$pc") == gdb.integer("&l2_main")
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33
