"""Steps over instructions that KVM executes itself, and a guest that runs on behind them with nothing armed."""

import pytest

from tests.harness.case import RingsideTest

EXIT_STATUS = (0x10 << 1) | 1
PAGING = 1 << 31
# Of demo64's entry (guests/lib/boot64.S), by the number of steps that it takes to be behind them.
READS_EFER, WRITES_EFER, TURNS_PAGING_ON, LOADS_GDT = 8, 10, 13, 14


class TestModeSwitch(RingsideTest):
    @pytest.mark.parametrize("steps", [READS_EFER, WRITES_EFER, TURNS_PAGING_ON, LOADS_GDT])
    def test_the_guest_runs_on(self, steps):
        vm, gdb = self.attached("demo64", "--append=rounds=3")
        for _ in range(steps):
            gdb.run("stepi")
        assert bool(gdb.integer("(unsigned long) $cr0") & PAGING) == (steps >= TURNS_PAGING_ON)
        gdb.start("continue")
        assert vm.wait() == EXIT_STATUS
