"""Page tables as the monitor shows them, compared with what the guest has set up and with QEMU on the same guest."""

import json
import re
import shutil

import pytest

from tests.harness.case import RingsideTest
from tests.harness.qemu import Qemu

DEMAND_BASE = 0x400000000000  # guests/demo64/paging.h
QEMU, QEMU_32 = shutil.which("qemu-system-x86_64"), shutil.which("qemu-system-i386")


class TestMaps(RingsideTest):
    def stopped(self, guest: str, place: str):
        _, gdb = self.attached(guest, "--append=rounds=20")
        gdb.console(f"break {place}")
        if gdb.run("continue")["reason"] == "exited":
            pytest.skip("this host's KVM refuses paging in 32-bit mode")
        return gdb

    @pytest.mark.skipif(not QEMU or not QEMU_32, reason="QEMU is not installed")
    @pytest.mark.parametrize(("program", "guest", "place"), [
        (QEMU, "demo64", "report_round if round == 3"), (QEMU_32, "protected32", "after_paging")], ids=["64", "32"])
    def test_is_as_in_qemu(self, program, guest, place):
        ours = self.stopped(guest, place)
        theirs = self.gdb(self.guest(guest))
        qemu = self.ends.enter_context(Qemu(program, self.folder, self.guest(guest), "rounds=20"))
        theirs.connect_to(str(qemu.gdb_endpoint))
        theirs.console(f"hbreak {place}")
        theirs.run("continue")
        assert ours.console("monitor info mem").splitlines() == qemu.mappings("info mem")

        def pages(lines: list[str]) -> list[str]:
            """Without the bits that the processor sets when it uses an entry."""
            return [re.sub(r"(: \w+ ...)..", r"\1..", line) for line in lines]

        assert pages(ours.console("monitor info tlb").splitlines()) == pages(qemu.mappings("info tlb"))

    @pytest.mark.skipif(not QEMU, reason="QEMU is not installed")
    def test_physical_memory_is_shown_as_in_qemu(self):
        ours = self.stopped("demo64", "report_round if round == 3")
        first, size = 0x100000, 0x2000  # code and constants
        qemu = self.ends.enter_context(Qemu(QEMU, self.folder, self.guest("demo64"), "rounds=20"))
        # A format without a size has the one before it in QEMU.
        for form in ["/xw", "/8xb", "/9xb", "/33db", "/7uh", "/5dw", "/6uw", "/3dg", "/5ug", "/9ob", "/7oh", "/5ow", "/5og",
                     "/64cb", "/9cw", "/300xg"]:
            for address in (first, first + 0x31, first + size - 2400):
                assert ours.console(f"monitor xp {form} {address:#x}") == qemu.monitor(f"xp {form} {address:#x}"), form
        command = f'pmemsave {first:#x} {size:#x} "{self.folder}/'
        assert f"to {self.folder}/ours" in ours.console(f'monitor {command}ours"')
        assert qemu.monitor(f'{command}theirs"') == ""
        assert (self.folder / "ours").read_bytes() == (self.folder / "theirs").read_bytes() != bytes(size)

    def test_ranges_are_those_that_the_guest_has_mapped(self):
        gdb = self.stopped("demo64", "report_round if round == 3")
        ranges = json.loads(gdb.console("monitor vmmap --json"))["ranges"]
        assert ranges[0] == {"first": 0, "last": (4 << 30) - 1, "size": 4 << 30, "access": "rwx-"}
        touched = gdb.integer("page_faults_served")
        assert touched > 0
        assert sum(row["size"] for row in ranges[1:]) == touched * 4096
        assert ranges[1]["first"] == DEMAND_BASE

    def test_find_phys_finds_every_alias(self):
        gdb = self.stopped("demo64", "report_round if round == 3")
        page = gdb.integer("&page_pool[0]")
        found = json.loads(gdb.console(f"monitor find-phys {page + 8:#x} --json"))["mappings"]
        assert [row["address"] for row in found] == [page + 8, DEMAND_BASE + 8]

    @pytest.mark.parametrize(("command", "sentence"), [
        ("vmmap x", '"x" is not an address'), ("vmmap 0xffff800000000000", "is not mapped"), ("info mem 5", '"5" is one too many'),
        ("find-phys", "it needs a guest-physical address"), ("info mem --json", "no JSON form")])
    def test_wrong_arguments(self, command, sentence):
        gdb = self.stopped("demo64", "report_round if round == 3")
        assert sentence in gdb.console(f"monitor {command}")

    def test_without_paging(self):
        _, gdb = self.attached("hello16.bin", symbols="hello16.elf")
        assert gdb.console("monitor info mem") == "PG disabled\n"
        assert "Paging is off" in gdb.console("monitor vmmap")
