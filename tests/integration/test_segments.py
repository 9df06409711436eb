"""Breakpoints in real mode where CS is not 0: gdb takes EIP for the address and knows none there."""

import pytest

from tests.harness.case import RingsideTest
from tests.harness.gdb import GdbError

# At 0x7c00: AX = 0, then a far jump to 07c0:0010, where a loop counts AX up to 3 and leaves through the debug-exit port.
START = bytes.fromhex("31c0 ea1000c007").ljust(0x10, b"\x90")
LOOP = bytes.fromhex("40 3d0300 75fa b010 e6f4 f4")
IMAGE = (START + LOOP).ljust(512, b"\0")
LOOP_AT = 0x7c10
EXIT_STATUS = (0x10 << 1) | 1


class TestSegments(RingsideTest):
    def start(self):
        image = self.folder / "image"
        image.write_bytes(IMAGE)
        vm = self.ringside(image)
        gdb = self.gdb()
        gdb.console("set architecture i8086")
        gdb.connect(vm.port())
        return vm, gdb

    def assert_in_the_loop(self, gdb, stop: dict, rounds: int) -> None:
        assert (stop["reason"], stop["signal-name"]) == ("signal-received", "SIGTRAP"), stop
        assert [gdb.integer(f"${name}") for name in ("cs", "eip", "eax", "cs_base + $eip")] == [0x7c0, 0x10, rounds, LOOP_AT]

    def counts(self, command: str) -> None:
        vm, gdb = self.start()
        gdb.console(f"{command} *{LOOP_AT:#x}")
        for rounds in range(3):
            self.assert_in_the_loop(gdb, gdb.run("continue"), rounds)
            assert "breakpoint at 0x7c10, which is CS:IP 07c0:0010" in gdb.transcript()
        gdb.start("continue")
        assert vm.wait() == EXIT_STATUS

    def test_a_breakpoint_stops_in_each_round(self):
        self.counts("break")

    def test_a_hardware_breakpoint_stops_in_each_round(self):
        self.counts("hbreak")

    def test_more_breakpoints_than_slots_stop_too(self):
        vm, gdb = self.start()
        for offset in (0, 1, 4, 6, 8):
            gdb.console(f"break *{LOOP_AT + offset:#x}")
        for offset in (0, 1, 4, 0, 1, 4, 0, 1, 4, 6, 8):
            gdb.run("continue")
            assert gdb.integer("$eip") == 0x10 + offset
        gdb.start("continue")
        assert vm.wait() == EXIT_STATUS

    def test_a_step_leaves_a_breakpoint(self):
        _, gdb = self.start()
        gdb.console(f"break *{LOOP_AT:#x}")
        self.assert_in_the_loop(gdb, gdb.run("continue"), 0)
        gdb.run("stepi")
        assert (gdb.integer("$eip"), gdb.integer("$eax")) == (0x11, 1)


class TestSelectors(RingsideTest):
    """`set $fs = ...` in long mode does what a load of FS would do."""

    FREE = 0x38  # a place in the GDT of demo64
    DATA_AT_123456 = 0x00cf93123456ffff

    def test_a_new_selector_brings_its_base(self):
        _, gdb = self.attached("demo64", "--append=rounds=20")
        gdb.console("break report_round")
        gdb.run("continue")
        gdb.console(f"set *(unsigned long*)($gdtr_base + {self.FREE}) = {self.DATA_AT_123456}")
        gdb.console(f"set $fs = {self.FREE}")
        assert gdb.integer("$fs_base") == 0x123456
        with pytest.raises(GdbError, match="no code or data segment there"):
            gdb.console("set $ds = 0x120")
        assert gdb.integer("$ds") == 0x10
