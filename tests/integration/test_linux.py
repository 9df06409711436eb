"""Debian's stock kernel as a guest, as far as any KVM goes: entered, moved, stopped in start_kernel. What needs a whole
boot is tested in the lab, by the lane linux."""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.integration.harness import paths
from tests.integration.harness.case import RingsideCase
from tests.linux import symbols
from tests.linux.symbols import LINKED

SLIDE = 0x3000000
EARLY = "earlyprintk=serial,ttyS0,115200 console=ttyS0 reboot=k panic=-1"
LATE = ("rest_init", "kernel_init", "smp_init", "driver_init")  # as many as there are slots


class Linux(RingsideCase):
    @classmethod
    def setUpClass(cls) -> None:
        try:
            cls.bzimage = next(symbols.kernel.prepare().tree.glob("boot/vmlinuz-*"))
            cls.symbols = symbols.prepare()
        except (symbols.kernel.LabError, subprocess.CalledProcessError) as error:
            raise unittest.SkipTest(str(error)) from None

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
        self.assertEqual(gdb.integer("$pc - (unsigned long)&_text") + LINKED + slide, gdb.integer("$pc"))
        self.assertIn("start_kernel", gdb.console("bt"))
        banner = gdb.evaluate("(char*)&linux_banner")
        self.assertIn("Linux version ", banner)

    def test_starts_by_the_64_bit_protocol(self):
        _, gdb = self.debug("--append", "nokaslr")
        self.assertEqual(gdb.integer("$pc"), 0x1000000)
        self.assertEqual(gdb.integer("$cs"), 0x10)
        self.assertEqual(gdb.integer("*(unsigned*)($rsi + 0x202)"), 0x53726448, "RSI points to the zero page")

    def test_breaks_in_start_kernel_where_it_was_linked(self):
        _, gdb = self.debug("--append", "nokaslr")
        self.stop_in_start_kernel(gdb, 0)

    def test_gdb_follows_a_kernel_that_was_moved(self):
        _, gdb = self.debug("--kaslr-slide", f"{SLIDE:#x}")
        self.assertEqual(gdb.integer("&_text"), LINKED + SLIDE, "known before the first instruction")
        self.stop_in_start_kernel(gdb, SLIDE)

    def test_stepping_for_want_of_slots_ends_with_the_first_page_tables(self):
        _, gdb = self.debug("--append", "nokaslr")
        gdb.console("set breakpoint always-inserted on")
        for place in LATE:
            gdb.console(f"break {place}")
        self.stop_in_start_kernel(gdb, 0)
        self.assertNotIn("stepping", gdb.console("monitor breakpoints"))
        steps = int(re.search(r"^DEBUG +(\d+)", gdb.console("monitor exits"), re.MULTILINE)[1])
        self.assertLess(steps, 20_000)

    def test_moves_by_chance(self):
        _, gdb = self.debug()
        self.assertEqual((gdb.integer("&_text") - LINKED) % (2 << 20), 0)
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

    def test_says_what_is_wrong_with_a_slide(self):
        for slide, status, words in (("0x1000", 1, "takes multiples of 0x200000"), ("0x40000000", 1, "cannot be moved"),
                                     ("far", 2, "is not a number")):
            with self.subTest(slide):
                vm = self.boot("--kaslr-slide", slide, gdb=None)
                self.assertEqual(vm.wait(), status)
                self.assertIn(words, vm.stderr.text())

    def test_says_what_is_wrong_with_a_damaged_kernel(self):
        damaged = bytearray(self.bzimage.read_bytes())
        code = (damaged[0x1f1] + 1) * 512
        payload = code + int.from_bytes(damaged[0x248:0x24c], "little")
        damaged[payload + 4:payload + 64] = b"\xff" * 60  # behind the magic number
        for name, contents, words in (("damaged", bytes(damaged), "does not unpack to"),
                                      ("cut", bytes(damaged[:4096]), "cut off")):
            with self.subTest(name):
                path = self.scratch() / name
                path.write_bytes(contents)
                vm = self.ringside(path, memory="256M", gdb=None)
                self.assertEqual(vm.wait(), 1)
                self.assertIn(words, vm.stderr.text())

    def scratch(self) -> Path:
        folder = tempfile.TemporaryDirectory(prefix="ringside-linux-")
        self.addCleanup(folder.cleanup)
        return Path(folder.name)


class Firmware(RingsideCase):
    def test_seabios_finds_nothing_to_boot_from(self):
        images = [path for path in (paths.SEABIOS / "bios.bin", paths.SEABIOS / "bios-256k.bin") if path.exists()]
        if not images:
            self.skipTest("no SeaBIOS: apt-get install seabios")
        for image in images:
            with self.subTest(image.name):
                vm = self.ringside(image, gdb=None)
                vm.serial(r"SeaBIOS \(version")
                vm.serial(r"No bootable device")
