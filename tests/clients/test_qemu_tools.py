"""gdb scripts that were made for QEMU: how they recognise it, and how they read physical memory. And gdb's own recording.

The tools themselves are not in Debian. Each test does what the tool's source does.
"""

import re
import subprocess

import pytest

from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.gdb import GdbError, GdbSession

PAGE = 4096
PRESENT, LARGE = 1, 1 << 7
FRAME = 0x000ffffffffff000


class ToolTest(RingsideTest):
    def in_a_round(self, **how: object) -> GdbSession:
        """demo64 in long mode, with its page tables in use."""
        self.vm = self.ringside(self.guest("demo64"), "--append=rounds=0", **how)
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(self.vm.port())
        gdb.console("break report_round if round == 2")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        return gdb

    def packet(self, gdb: GdbSession, text: str) -> str:
        return re.search(r'received: "(.*)"', gdb.console(f"maintenance packet {text}"))[1]


class TestDetection(ToolTest):
    def test_pwndbg_and_gef_see_a_machine_of_qemus_kind(self):
        """Both ask for the bits of single-step, and take a target with `Text=` offsets for a user's program."""
        gdb = self.in_a_round()
        assert "ENABLE=" in self.packet(gdb, "Qqemu.sstepbits")
        assert self.packet(gdb, "qOffsets") == ""

    def test_pwndbg_reads_the_ranges_of_info_mem(self):
        gdb = self.in_a_round()
        rows = re.findall(r"(?m)^([0-9a-f]{16})-([0-9a-f]{16}) ([0-9a-f]{16}) ([u-][r-][w-])$", gdb.console("monitor info mem"))
        pc = gdb.integer("$pc")
        assert any(int(start, 16) <= pc < int(end, 16) and int(end, 16) - int(start, 16) == int(size, 16)
                   for start, end, size, _ in rows), rows

    def test_linux_scripts_recognise_the_stub(self):
        gdb = self.in_a_round()
        assert gdb.console("monitor info version").strip()


class TestPhysicalMemory(ToolTest):
    def walk(self, read, root: int, address: int) -> int:
        """The physical address of a virtual one, by the tables that `read` shows."""
        table = root & FRAME
        for level in (3, 2, 1, 0):
            shift = 12 + 9 * level
            entry = int.from_bytes(read(table + 8 * (address >> shift & 511), 8), "little")
            assert entry & PRESENT, hex(entry)
            if level == 0 or entry & LARGE:
                return (entry & FRAME & -(1 << shift)) + (address & (1 << shift) - 1)
            table = entry & FRAME
        raise AssertionError

    def test_by_qemus_packet(self):
        """pwndbg: it switches the stub to physical addresses, walks the tables, and switches back."""
        gdb = self.in_a_round()
        address, value, root = gdb.integer("&rounds_done"), gdb.integer("rounds_done"), gdb.integer("(unsigned long)$cr3")
        assert value == 2
        assert self.packet(gdb, "qqemu.PhyMemMode") == "0"
        assert self.packet(gdb, "Qqemu.PhyMemMode:1") == "OK"
        assert self.packet(gdb, "qqemu.PhyMemMode") == "1"

        def read(gpa: int, size: int) -> bytes:
            gdb.console("maint flush dcache")
            return bytes.fromhex(gdb.command(f"-data-read-memory-bytes {gpa:#x} {size}")["memory"][0]["contents"])

        assert int.from_bytes(read(self.walk(read, root, address), 8), "little") == value
        assert self.packet(gdb, "Qqemu.PhyMemMode:0") == "OK"
        gdb.console("maint flush dcache")
        assert gdb.integer("rounds_done") == value

    def test_by_the_memory_of_the_process(self):
        """gdb-pt-dump: it finds the process by its name, has addresses translated, and reads /proc/PID/mem."""
        link = self.folder / "qemu-system-x86_64"
        link.symlink_to(paths.RINGSIDE)
        gdb = self.in_a_round(prefix=("sh", "-c", 'program=$0; shift; exec "$program" "$@"', str(link)))
        found = subprocess.run(["pgrep", "qemu-system"], capture_output=True, text=True, check=True).stdout.split()
        assert str(self.vm.pid) in found
        address, value, root = gdb.integer("&rounds_done"), gdb.integer("rounds_done"), gdb.integer("(unsigned long)$cr3")
        with open(f"/proc/{self.vm.pid}/mem", "rb", buffering=0) as memory:
            def read(gpa: int, size: int) -> bytes:
                memory.seek(int(gdb.console(f"monitor gpa2hva {gpa:#x}").split(" ")[-1], 16))
                return memory.read(size)

            assert int.from_bytes(read(self.walk(read, root, address), 8), "little") == value

    def test_what_is_no_memory_has_no_place_in_the_process(self):
        gdb = self.in_a_round()
        assert "No memory is mapped at address 0x4000000" in gdb.console("monitor gpa2hva 0x4000000")
        assert "a guest-physical address is missing" in gdb.console("monitor gpa2hva")


class TestRecordFull(ToolTest):
    def test_gdb_does_not_record_what_has_no_orig_rax(self):
        """gdb 13 records only targets that have this register of Linux programs. A machine has none."""
        gdb = self.in_a_round()
        with pytest.raises(GdbError, match="the current architecture doesn't support record function"):
            gdb.console("record full")

    def test_the_stubs_recording_goes_back_instead(self):
        gdb = self.in_a_round()
        gdb.console("monitor record on")
        places = [gdb.integer("$pc")]
        for _ in range(4):
            gdb.run("stepi")
            places.append(gdb.integer("$pc"))
        for place in places[-2::-1]:
            gdb.run("reverse-stepi")
            assert gdb.integer("$pc") == place
