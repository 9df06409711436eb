"""`monitor address-space`, and breakpoints on code that kernels patch."""

import re

import pytest

from tests.harness.case import RingsideTest
from tests.harness.gdb import GdbError


EMPTY_PAGE = 0x50000  # unused RAM: a table that maps nothing


class TestAddressSpace(RingsideTest):
    def stopped(self):
        """At a function of a guest in long mode, all of it at user addresses."""
        _, gdb = self.attached("demo64", "--append=rounds=20")
        gdb.console("break report_round")
        gdb.run("continue")
        gdb.console("delete")
        return gdb

    def test_it_says_whose_user_addresses_are_meant(self):
        gdb = self.stopped()
        own = f"CR3 {gdb.integer('$cr3'):#x}"
        assert f"current address space; here {own}" in gdb.console("monitor address-space")
        assert f"refer to the address space of {own}:" in gdb.console("monitor address-space current")
        assert f"current address space; here {own}" in gdb.console("monitor address-space off")

    def test_another_address_space_is_read_and_given_up(self):
        gdb = self.stopped()
        rounds = gdb.integer("rounds_done")
        gdb.console(f"monitor address-space {EMPTY_PAGE:#x}")
        with pytest.raises(GdbError, match="Cannot access memory"):
            gdb.integer("rounds_done")
        gdb.console("monitor address-space off")
        assert gdb.integer("rounds_done") == rounds

    def test_what_cannot_be_one_is_refused(self):
        gdb = self.stopped()
        assert "no page table can be at CR3 0x7000000000" in gdb.console("monitor address-space 0x7000000000")
        assert "Usage:" in gdb.console("monitor address-space init")

    def test_breakpoints_stop_in_the_chosen_one(self):
        gdb = self.stopped()
        gdb.console("monitor address-space current")
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")

    def test_a_call_keeps_its_bytes_under_a_breakpoint(self):
        gdb = self.stopped()
        call = re.search(r"(0x[0-9a-f]+) <.*\tcall ", gdb.console("disassemble report_round"))[1]
        gdb.console("set breakpoint always-inserted on")
        gdb.console(f"break *{call}")
        if re.search(r"DR0-DR3 execute breakpoints +works", gdb.console("monitor host")):
            assert "by debug slot" in gdb.console("monitor breakpoints")
        gdb.run("continue")
        assert gdb.integer("$pc") == int(call, 16)
