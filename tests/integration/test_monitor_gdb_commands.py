"""The monitor's commands as gdb's own, from the script that the monitor writes."""

import re

import pytest

from tests.harness.case import RingsideTest
from tests.harness.gdb import GdbError


@pytest.mark.full_gdb
class TestGdbCommands(RingsideTest):
    @pytest.fixture(autouse=True)
    def sourced(self, clean_up) -> None:
        _, self.session = self.attached("chips")
        self.source_script(self.session)

    def test_each_is_there_with_its_help(self):
        listed = re.findall(r"(?m)^monitor (\S.*?)  +(\S.*)$", self.session.console("monitor help"))
        assert len(listed) > 30
        for command, text in listed:
            name = " ".join(word for word in re.sub(r"\[.*", "", command).split() if not re.search(r"[A-Z|/]", word))
            assert text.lower() in self.session.console(f"help ringside {name}").lower(), name

    def test_answers_are_the_monitors(self):
        assert self.session.console("ringside pic") == self.session.console("monitor pic")
        assert self.session.console("ringside info mem") == self.session.console("monitor info mem")
        assert self.session.console("ioapic --json") == self.session.console("monitor ioapic --json")

    def test_gdb_shows_where_goto_went(self):
        start = self.session.integer("$pc")
        self.session.console("monitor record on")
        for _ in range(5):
            self.session.run("stepi")
        assert self.session.integer("$pc") != start
        self.session.console("ringside goto start")
        assert self.session.integer("$pc") == start

    def test_gdb_shows_where_a_restart_went(self):
        start = self.session.integer("$pc")
        self.session.run("stepi 3")
        self.session.console("ringside system_reset")
        assert self.session.integer("$pc") == start

    def test_gdbs_own_commands_stay(self):
        assert "breakpoints" in self.session.console("info breakpoints").lower()
        assert "Step program until" in self.session.console("help step")
        assert "Continue program" in self.session.console("help cont")

    def test_names_are_completed(self):
        assert "ringside why-no-irq" in self.session.console("complete ringside why").splitlines()
        assert "lapic" in self.session.console("complete lap").splitlines()

    def test_msrs_are_in_expressions(self):
        self.session.console("monitor msr LSTAR =0xffff800000123000")
        assert self.session.integer('$_msr("LSTAR")') == 0xffff800000123000
        assert self.session.integer("$_msr(0xc0000082)") == 0xffff800000123000
        assert self.session.integer('$_ringside_msr("LSTAR")') == 0xffff800000123000
        for wrong in ('"NOTHING"', '"LSTAR =5"', '""'):
            with pytest.raises(GdbError, match="neither a known name nor|one name or number"):
                self.session.integer(f"$_msr({wrong})")
        assert self.session.integer('$_msr("LSTAR")') == 0xffff800000123000

    def test_a_name_that_is_none_is_an_error(self):
        with pytest.raises(GdbError):
            self.session.console("ringside nothing")
