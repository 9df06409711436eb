"""Interrupt controllers and timers that the guest has set up are as before once the machine has gone back, by a snapshot or through
a recording."""

import json

from tests.harness.case import RingsideTest

CHIPS = ("pic", "ioapic", "pit", "lapic")
RUN_ON = {"timer_current", "requested"}  # the timers do, and tick


def settings(value):
    """What of a table does not change by itself."""
    if isinstance(value, dict):
        return {key: settings(inner) for key, inner in value.items() if key not in RUN_ON}
    return [settings(inner) for inner in value] if isinstance(value, list) else value


class TestChips(RingsideTest):
    def chips(self, gdb) -> dict:
        return {chip: settings(json.loads(gdb.console(f"monitor {chip} --json"))) for chip in CHIPS}

    def started(self):
        _, gdb = self.attached("chips")
        gdb.console("break guest::debug_exit")
        return gdb, self.chips(gdb)

    def set_up(self, gdb, before: dict) -> dict:
        self.assert_breakpoint(gdb.run("continue"), "debug_exit")
        after = self.chips(gdb)
        assert [chip for chip in CHIPS if after[chip] == before[chip]] == []
        return after

    def test_by_a_snapshot(self):
        gdb, before = self.started()
        gdb.console("monitor snapshot save before")
        after = self.set_up(gdb, before)
        gdb.console("monitor snapshot save after")
        for name, wanted in (("before", before), ("after", after), ("before", before)):
            gdb.console(f"monitor snapshot restore {name}")
            assert self.chips(gdb) == wanted

    def test_through_a_recording(self):
        gdb, before = self.started()
        gdb.console("monitor record on 256M")
        after = self.set_up(gdb, before)
        gdb.console("monitor goto start")
        assert self.chips(gdb) == before
        gdb.console("monitor goto end")
        assert self.chips(gdb) == after
