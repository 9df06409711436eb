"""Debian's stock kernel as a guest, as far as any KVM goes: entered, moved, stopped in start_kernel. What needs a whole
boot is tested in the lab, by the lane linux."""

import re
import subprocess

import pytest

from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.linux import symbols
from tests.linux.symbols import LINKED

SLIDE = 0x3000000
EARLY = "earlyprintk=serial,ttyS0,115200 console=ttyS0 reboot=k panic=-1"
LATE = ("rest_init", "kernel_init", "smp_init", "driver_init")  # as many as there are slots


class TestLinux(RingsideTest):
    @pytest.fixture(autouse=True)
    def prepare(self, clean_up) -> None:
        try:
            self.bzimage = next(symbols.kernel.prepare().tree.glob("boot/vmlinuz-*"))
            self.symbols = symbols.prepare()
        except (symbols.kernel.LabError, subprocess.CalledProcessError) as error:
            pytest.skip(str(error))

    def boot(self, *options: str, **how):
        return self.ringside(self.bzimage, *options, memory="256M", **how)

    def debug(self, *options: str):
        vm = self.boot("--serial", "none", *options)
        gdb = self.gdb(self.symbols)
        gdb.connect(vm.port())
        return vm, gdb

    def stop_in_start_kernel(self, gdb, slide: int) -> None:
        """A breakpoint that is set at the first instruction: before paging has its address, and before gdb could read
        there."""
        gdb.console("break start_kernel")
        stop = gdb.run("continue")
        self.assert_breakpoint(stop, "start_kernel")
        assert gdb.integer("$pc - (unsigned long)&_text") + LINKED + slide == gdb.integer("$pc")
        assert "start_kernel" in gdb.console("bt")
        banner = gdb.evaluate("(char*)&linux_banner")
        assert "Linux version " in banner

    def test_starts_by_the_64_bit_protocol(self):
        _, gdb = self.debug("--append", "nokaslr")
        assert gdb.integer("$pc") == 0x1000000
        assert gdb.integer("$cs") == 0x10
        assert gdb.integer("*(unsigned*)($rsi + 0x202)") == 0x53726448, "RSI points to the zero page"

    def test_breaks_in_start_kernel_where_it_was_linked(self):
        _, gdb = self.debug("--append", "nokaslr")
        self.stop_in_start_kernel(gdb, 0)

    def test_gdb_follows_a_kernel_that_was_moved(self):
        _, gdb = self.debug("--kaslr-slide", f"{SLIDE:#x}")
        assert gdb.integer("&_text") == LINKED + SLIDE, "known before the first instruction"
        self.stop_in_start_kernel(gdb, SLIDE)

    def test_stepping_for_want_of_slots_ends_with_the_first_page_tables(self):
        _, gdb = self.debug("--append", "nokaslr")
        gdb.console("set breakpoint always-inserted on")
        for place in LATE:
            gdb.console(f"break {place}")
        self.stop_in_start_kernel(gdb, 0)
        assert "stepping" not in gdb.console("monitor breakpoints")
        steps = int(re.search(r"^DEBUG +(\d+)", gdb.console("monitor exits"), re.MULTILINE)[1])
        assert steps < 20_000

    def test_moves_by_chance(self):
        _, gdb = self.debug()
        assert (gdb.integer("&_text") - LINKED) % (2 << 20) == 0
        self.stop_in_start_kernel(gdb, gdb.integer("&_text") - LINKED)

    def test_talks_and_reports_its_boot(self):
        vm = self.boot("--log-level", "info", "--append", EARLY, gdb=None)
        vm.serial(r"Linux version .*Debian")
        vm.serial(r"Command line: earlyprintk")
        vm.serial(r"BIOS-e820: \[mem 0x0+100000-0x0+fffffff\] usable")
        vm.serial(r"Hypervisor detected: KVM")
        for line in (r"ms to read 13\.\d MiB of", r"ms to unpack 1\d\.\d MiB of lz4", r"ms to place \d+\.\d MiB of kernel",
                     r"moved by 0x|64-bit entry 0x1000000", r"first instruction after", r"the guest's first character after"):
            vm.stderr.wait_for(line)

    @pytest.mark.parametrize("slide, status, words", (("0x1000", 1, "takes multiples of 0x200000"), ("far", 2, "is not a number"),
                                                      ("0x40000000", 1, "cannot be moved")))
    def test_says_what_is_wrong_with_a_slide(self, slide, status, words):
        vm = self.boot("--kaslr-slide", slide, gdb=None)
        assert vm.wait() == status
        assert words in vm.stderr.text()

    def test_says_what_is_wrong_with_a_damaged_kernel(self):
        damaged = bytearray(self.bzimage.read_bytes())
        code = (damaged[0x1f1] + 1) * 512
        payload = code + int.from_bytes(damaged[0x248:0x24c], "little")
        damaged[payload + 4:payload + 64] = b"\xff" * 60  # behind the magic number
        for name, contents, words in (("damaged", bytes(damaged), "does not unpack to"),
                                      ("cut", bytes(damaged[:4096]), "cut off")):
            path = self.folder / name
            path.write_bytes(contents)
            vm = self.ringside(path, memory="256M", gdb=None)
            assert vm.wait() == 1
            assert words in vm.stderr.text()


class TestFirmware(RingsideTest):
    @pytest.mark.parametrize("image", ("bios.bin", "bios-256k.bin"))
    def test_seabios_finds_nothing_to_boot_from(self, image):
        vm = self.ringside(paths.SEABIOS / image, gdb=None)
        vm.serial(r"SeaBIOS \(version")
        vm.serial(r"No bootable device")
