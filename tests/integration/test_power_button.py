"""`system_powerdown` presses ACPI's power button: what a guest does then, and what the command prints."""

import pytest

from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside


class TestPowerButton(RingsideTest):
    def machine(self, end: str) -> Ringside:
        return self.ringside(self.guest("demo64"), f"--append=rounds=1 end={end}", f"--control=unix:{self.control}", gdb=None)

    def test_a_guest_that_listens_powers_off(self):
        vm = self.machine("button")
        vm.serial("waiting for the power button")
        answer = self.ctl("system_powerdown")
        assert answer == "The power button has been pressed. It has ACPI's interrupt; what it does is its own decision.\n"
        assert vm.wait() == 0
        assert "the power button was pressed" in vm.stdout.text()

    def test_a_stopped_guest_sees_it_when_it_runs(self):
        vm = self.machine("button")
        vm.serial("waiting for the power button")
        self.ctl("stop")
        assert "which the guest sees when it runs" in self.ctl("system_powerdown")
        assert "the power button was pressed" not in vm.stdout.text()
        self.ctl("cont")
        assert vm.wait() == 0
        assert "the power button was pressed" in vm.stdout.text()

    @pytest.mark.parametrize("end", ("spin", "halt"))
    def test_of_a_guest_that_does_not_listen_nothing_else_is_said(self, end):
        vm = self.machine(end)
        vm.serial("done")
        assert "but the guest has not enabled its event (PWRBTN_EN" in self.ctl("system_powerdown")
        assert vm.running()

    def test_under_a_debugger_the_guest_sees_it_too(self):
        vm, gdb = self.attached("demo64", "--append=rounds=1 end=button")
        gdb.console("break on_power_management")
        gdb.start("continue")
        vm.serial("waiting for the power button")
        gdb.interrupt()
        assert "has been pressed, which the guest sees when it runs" in gdb.console("monitor system_powerdown")
        self.assert_breakpoint(gdb.run("continue"), "on_power_management")
        stop = gdb.run("continue")
        assert (stop["reason"], stop["signal-name"]) == ("signal-received", "SIGTRAP"), stop
        assert any("The guest has powered the machine off" in line for line in gdb.log), gdb.log
        assert gdb.run("continue")["reason"] == "exited-normally"

    def test_a_snapshot_keeps_a_press_that_the_guest_has_not_seen(self):
        vm, gdb = self.attached("demo64", "--append=rounds=1 end=button")
        gdb.start("continue")
        vm.serial("waiting for the power button")
        gdb.interrupt()
        gdb.console("monitor snapshot save before")
        gdb.console("monitor system_powerdown")
        gdb.console("monitor snapshot save pressed")
        gdb.console("monitor snapshot restore before")
        gdb.console("maintenance flush register-cache")
        gdb.console("break on_power_management")
        gdb.console("break on_timer_interrupt")
        for _ in range(2):
            self.assert_breakpoint(gdb.run("continue"), "on_timer_interrupt")
        gdb.console("monitor snapshot restore pressed")
        gdb.console("maintenance flush register-cache")
        gdb.console("clear on_timer_interrupt")
        self.assert_breakpoint(gdb.run("continue"), "on_power_management")

    def test_it_takes_no_arguments(self):
        self.machine("spin").serial("done")
        assert '"now" is one too many' in self.ctl("system_powerdown now", refused=True)
