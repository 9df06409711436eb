"""A guest that is a hypervisor (L1) and its guest (L2): whose registers, memory, breakpoints and steps are meant."""

import json
import re

import pytest

from tests.harness.gdb import GdbError
from tests.integration.nested_case import SVM, VMX, NestedTest

TRAP_FLAG = 0x100


HLT = 2  # in hypervisor::Exit


def step_over(gdb, instruction: str) -> None:
    """From the round's beginning, or where L1 has entered L2 again, to the first instruction after one that leaves to L1."""
    for _ in range(30):
        if re.search(rf"\b{instruction}\b", gdb.console("x/i $pc")):
            break
        gdb.run("stepi")
    gdb.run("stepi")


class ConditionTest(NestedTest):
    """Breakpoints with conditions in L1 that are set while L2 runs. gdb finds the end of a function's prologue by reading its code."""

    ROUNDS = 6

    def assert_stops_in_each_round(self, gdb, condition: str, level: str) -> None:
        """Only the HLT of each round is to stop."""
        gdb.console("break hypervisor::l2_round")
        self.assert_breakpoint(gdb.run("continue"), "l2_round")
        gdb.console(f"monitor level {level}")
        gdb.console(f"break hypervisor::handle if {condition}")
        gdb.console("monitor level auto")
        for number in range(self.ROUNDS):
            self.assert_breakpoint(gdb.run("continue"), "handle")
            assert gdb.integer(f"hypervisor::exits_handled[{HLT}]") == number
            assert gdb.integer("hypervisor::exits_handled[0]") == number + 1
            if number + 1 < self.ROUNDS:
                self.assert_breakpoint(gdb.run("continue"), "l2_round")
                assert gdb.integer("hypervisor::l2_rounds") == number + 2

    def assert_conditions_hold(self, gdb) -> None:
        self.assert_stops_in_each_round(gdb, f"facts.exit == {HLT}", "l1")

    def assert_conditions_on_registers_hold(self, gdb) -> None:
        """Without `level l1` gdb cannot read L1's code, and stops at a function's first instruction."""
        self.assert_stops_in_each_round(gdb, f"((hypervisor::Facts*)$rdi)->exit == {HLT}", "auto")
        assert gdb.integer("$pc") == gdb.integer("(unsigned long)hypervisor::handle")


class TestLevels(ConditionTest):
    def in_l2(self, rounds: int = 3):
        """gdb, stopped in the inner guest by a breakpoint that was set before there was one."""
        vm, gdb = self.hypervisor(VMX, f"--append=rounds={rounds}")
        gdb.console("break hypervisor::l2_round")
        self.assert_breakpoint(gdb.run("continue"), "l2_round")
        return vm, gdb

    def test_registers_and_memory_are_those_of_the_level_that_runs(self):
        _, gdb = self.in_l2()
        assert "vCPU 0 is in its guest's guest (L2)" in gdb.printed()
        assert gdb.integer("$pc") >> 12 == 0x40000
        address = json.loads(gdb.console("monitor vmcs --json"))["address"]
        assert f"in its guest (L2), VMCS {address:#x}, 64-bit mode" in gdb.console("info threads")
        assert gdb.integer("hypervisor::l2_rounds") == 1
        backtrace = gdb.console("backtrace")
        assert "#1" in backtrace and "l2_main" in backtrace
        assert "Cannot access" not in backtrace
        with pytest.raises(GdbError):
            gdb.evaluate("hypervisor::own_fields")
        walk = gdb.console("monitor translate 0x40000000")
        assert re.search(rf"-> gpa {hex(gdb.integer('&l2_load_address'))},", walk)

    def test_the_other_levels_memory_can_be_asked_for(self):
        _, gdb = self.in_l2()
        assert "runs the guest's guest (L2)" in gdb.console("monitor level")
        assert "Addresses and new breakpoints are L1's" in gdb.console("monitor level l1")
        gdb.console("set var hypervisor::own_fields = 77")
        with pytest.raises(GdbError):
            gdb.evaluate("hypervisor::l2_rounds")
        gdb.console("monitor level auto")
        gdb.console("break hypervisor::handle")
        self.assert_breakpoint(gdb.run("continue"), "handle")
        assert "level that runs, here L1's" in gdb.console("monitor level")
        with pytest.raises(GdbError):
            gdb.evaluate("hypervisor::l2_rounds")
        gdb.console("monitor level l2")
        assert gdb.integer("hypervisor::l2_rounds") == 1

    def test_a_step_in_l2_is_one_instruction(self):
        _, gdb = self.in_l2()
        gdb.console("break *$pc")
        before = gdb.integer("$pc")
        gdb.run("stepi")
        assert 0 < gdb.integer("$pc") - before < 16
        shown = json.loads(gdb.console("monitor vmcs GUEST_R --json"))["guest-state_area"]
        fields = {row["name"]: row["value"] for row in shown}
        assert fields["GUEST_RIP"] == gdb.integer("$pc")
        assert fields["GUEST_RFLAGS"] & TRAP_FLAG == 0

    def test_a_step_that_leaves_l2_ends_in_l1(self):
        vm, gdb = self.in_l2()
        gdb.console("delete")
        step_over(gdb, "cpuid")
        assert gdb.integer("$pc") == gdb.integer("&vmx_exit")
        flags = json.loads(gdb.console("monitor vmcs GUEST_RFLAGS --json"))["guest-state_area"][0]["value"]
        assert flags & TRAP_FLAG == 0
        gdb.start("continue")
        assert vm.wait() == 33

    def test_a_step_over_a_hlt_of_l2s_ends_in_l1(self):
        vm, gdb = self.in_l2()
        gdb.console("delete")
        for _ in range(2):  # behind CPUID and OUT
            gdb.console("monitor until vm-exit")
            gdb.run("continue")
        gdb.console("monitor until vm-entry")
        gdb.run("continue")
        step_over(gdb, "hlt")
        assert gdb.integer("$pc") == gdb.integer("&vmx_exit")
        assert re.search("EXIT_REASON .*HLT", gdb.console("monitor vmcs EXIT_REASON"))
        gdb.start("continue")
        assert vm.wait() == 33

    def test_a_condition_in_l1_that_is_set_while_l2_runs(self):
        _, gdb = self.in_l2(self.ROUNDS)
        gdb.console("delete")
        self.assert_conditions_hold(gdb)

    def test_such_a_condition_on_registers(self):
        _, gdb = self.in_l2(self.ROUNDS)
        gdb.console("delete")
        self.assert_conditions_on_registers_hold(gdb)

    def test_a_watchpoint_in_l2_hits_there(self):
        _, gdb = self.in_l2()
        gdb.console("delete")
        gdb.console("watch hypervisor::l2_rounds")
        stop = gdb.run("continue")
        assert (stop["reason"], stop["value"]["new"]) == ("watchpoint-trigger", "2"), stop
        assert "in its guest (L2)" in gdb.console("info threads")

    def test_a_watchpoint_in_l1_hits_there(self):
        _, gdb = self.in_l2()
        gdb.console("delete")
        gdb.console("monitor level l1")
        gdb.console("watch hypervisor::exits_handled[0]")
        gdb.console("monitor level auto")
        stop = gdb.run("continue")
        assert stop["reason"] == "watchpoint-trigger", stop
        self.assert_stopped_in(stop, "handle")
        assert "in its guest (L2)" not in gdb.console("info threads")

    def test_a_restart_while_l2_runs_begins_without_it(self):
        _, gdb = self.in_l2()
        gdb.console("monitor system_reset")
        gdb.console("maintenance flush register-cache")
        assert "(L2)" not in gdb.console("info threads")
        assert "has not executed VMXON" in gdb.console("monitor vmcs")
        self.assert_breakpoint(gdb.run("continue"), "l2_round")
        assert gdb.integer("hypervisor::l2_rounds") == 1


class TestLevelsOnSvm(ConditionTest):
    """KVM knows an AMD guest's guest only while it runs, and the lab's processor has no breakpoints but planted ones and steps."""

    def entered(self, rounds: int = 3):
        """gdb, stopped at the inner guest's first instruction."""
        vm, gdb = self.hypervisor(SVM, f"--append=rounds={rounds}")
        gdb.console("monitor until vm-entry")
        gdb.run("continue")
        assert gdb.integer("$pc") == gdb.integer("&l2_main")
        return vm, gdb

    def test_breakpoints_of_both_levels_hit_in_turn(self):
        vm, gdb = self.entered()
        gdb.console("break hypervisor::l2_round")
        gdb.console("break hypervisor::handle")
        self.assert_breakpoint(gdb.run("continue"), "l2_round")
        assert f"in its guest (L2), VMCB {gdb.integer('&hypervisor::vmcb'):#x}, " in gdb.console("info threads")
        self.assert_breakpoint(gdb.run("continue"), "handle")
        assert "in its guest (L2)" not in gdb.console("info threads")
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33

    def test_memory_and_breakpoints_of_the_level_that_is_asked_for(self):
        _, gdb = self.entered()
        assert gdb.integer("hypervisor::l2_rounds") == 1
        walk = gdb.console("monitor translate 0x40000000")
        assert re.search(rf"-> gpa {hex(gdb.integer('&l2_load_address'))},", walk)
        with pytest.raises(GdbError):
            gdb.evaluate("hypervisor::exits_handled")
        assert "Addresses and new breakpoints are L1's" in gdb.console("monitor level l1")
        assert gdb.evaluate("hypervisor::exits_handled").startswith("{0, ")
        gdb.console("break hypervisor::handle")
        gdb.console("monitor level auto")
        self.assert_breakpoint(gdb.run("continue"), "handle")
        assert "no known guest's guest (L2)" in gdb.console("monitor level l2")

    def leave_by_a_step(self, vm, gdb, instruction: str) -> None:
        step_over(gdb, instruction)
        assert gdb.integer("$pc") == gdb.integer("&svm_run + 6")
        assert "in its guest (L2)" not in gdb.console("info threads")
        gdb.start("continue")
        assert vm.wait() == 33

    def test_a_step_that_leaves_l2_ends_in_l1(self):
        vm, gdb = self.entered()
        self.leave_by_a_step(vm, gdb, "cpuid")

    def test_a_step_over_a_hlt_of_l2s_ends_in_l1(self):
        vm, gdb = self.entered()
        for _ in range(2):  # behind CPUID and OUT
            gdb.console("monitor until vm-exit")
            gdb.run("continue")
        gdb.console("monitor until vm-entry")
        gdb.run("continue")
        self.leave_by_a_step(vm, gdb, "hlt")

    def test_a_condition_in_l1_that_is_set_while_l2_runs(self):
        _, gdb = self.entered(self.ROUNDS)
        self.assert_conditions_hold(gdb)

    def test_such_a_condition_on_registers(self):
        _, gdb = self.entered(self.ROUNDS)
        self.assert_conditions_on_registers_hold(gdb)

    def test_a_watchpoint_in_l2_hits_there(self):
        """Found by stepping both levels."""
        vm, gdb = self.entered()
        gdb.console("watch hypervisor::l2_rounds")
        for number in (2, 3):
            stop = gdb.run("continue")
            assert (stop["reason"], stop["value"]["new"]) == ("watchpoint-trigger", str(number)), stop
            assert "in its guest (L2)" in gdb.console("info threads")
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33

    def test_a_watchpoint_in_l1_hits_there(self):
        _, gdb = self.entered()
        gdb.console("monitor level l1")
        gdb.console("watch hypervisor::exits_handled[0]")
        gdb.console("monitor level auto")
        for _ in range(2):
            stop = gdb.run("continue")
            assert stop["reason"] == "watchpoint-trigger", stop
            self.assert_stopped_in(stop, "handle")
            assert "in its guest (L2)" not in gdb.console("info threads")
