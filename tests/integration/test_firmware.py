"""A BIOS that starts a kernel by its 16-bit setup code: Debian's SeaBIOS, and a kernel of a few bytes."""

import re
import struct
from pathlib import Path

import pytest

from tests.harness import paths
from tests.harness.case import RingsideTest

SEABIOS = paths.SEABIOS / "bios-256k.bin"
SETUP_SIZE = 1024
ENTRY = 0x10200  # the address of the setup code's second sector

# After the header: writes the byte at 1 MiB, the first of the kernel's other part, to the debug-exit port.
START = 0x268
CODE = bytes.fromhex("b8ffff 8ec0 26a01000 e6f4 f4")
MARK = 0x2a
EXIT_STATUS = (MARK << 1) | 1


# The same in long mode. The code makes page tables at 0x30000, and goes by way of protected mode to long mode.
REAL_MODE = bytes.fromhex("fab800308ec031ff6631c0b9000cfc66f3ab2666c7060000031003002666c7060010032003002666c7060020830000000f"
                          "20e00c200f22e066b8000003000f22d82e660f0116f1000f20c00c010f22c066eac00201000800")
PROTECTED_MODE = bytes.fromhex("66b810008ed8b9800000c00f3280cc010f300f20c00d000000800f22c0eae40201001800")
LONG_MODE = bytes.fromhex("48b8 2a77665544332211 e6f4 f4")
TABLE = bytes.fromhex("1f00 f7020100 0000000000000000 ffff0000009bcf00 ffff00000093cf00 ffff0000009baf00")


def kernel(code: bytes = CODE) -> bytes:
    setup = bytearray(SETUP_SIZE)
    struct.pack_into("<B", setup, 0x1f1, SETUP_SIZE // 512 - 1)
    struct.pack_into("<HBB4sH", setup, 0x1fe, 0xaa55, 0xeb, START - 0x202, b"HdrS", 0x207)
    struct.pack_into("<B", setup, 0x211, 1)  # the other part is loaded at 1 MiB
    setup[START:START + len(code)] = code
    return bytes(setup) + bytes([MARK]).ljust(512, b"\0")


class TestFirmware(RingsideTest):
    def kernel(self, code: bytes = CODE) -> Path:
        path = self.folder / "kernel"
        path.write_bytes(kernel(code))
        return path

    def test_it_starts_the_kernel_and_its_screen_is_the_serial_line(self):
        vm = self.ringside(self.kernel(), "--firmware", SEABIOS, gdb=None)
        assert vm.wait() == EXIT_STATUS
        text = vm.stdout.text()
        assert "SeaBIOS (version " in text
        assert "Booting from ROM" in text

    def test_a_breakpoint_in_the_setup_code_can_be_set_at_the_reset_vector(self):
        vm = self.ringside(self.kernel(), "--firmware", SEABIOS, "--append", "quiet=1")
        gdb = self.gdb()
        gdb.console("set architecture i8086")
        gdb.connect(vm.port())
        assert (gdb.integer("$cs_base"), gdb.integer("$eip")) == (0xffff0000, 0xfff0)
        gdb.console(f"break *{ENTRY:#x}")
        gdb.run("continue")
        assert [gdb.integer(f"${name}") for name in ("cs", "eip", "ds", "ss", "esp")] == [0x1020, 0, 0x1000, 0x1000, 0xe000]
        assert "quiet=1" in gdb.console("x/s *(int*)0x10228")
        assert gdb.integer("*(unsigned char*)0x100000") == MARK
        gdb.start("continue")
        assert vm.wait() == EXIT_STATUS

    def test_the_monitors_breakpoint_in_the_firmware_is_hit(self):
        vm = self.ringside(self.kernel(), "--firmware", SEABIOS)
        gdb = self.gdb()
        gdb.console("set architecture i8086")
        gdb.connect(vm.port())
        assert "Breakpoint 1 at physical 0xfe05b" in gdb.console("monitor break phys 0xfe05b")
        assert "is in a ROM, to which the guest cannot write" in gdb.console("monitor watch phys 0xfffffff0 4")
        gdb.run("continue")
        assert "has hit breakpoint 1 at physical 0xfe05b, as 0xfe05b: hit 1" in gdb.printed()
        gdb.console("monitor break delete 1")
        gdb.start("continue")
        assert vm.wait() == EXIT_STATUS

    @pytest.mark.full_gdb
    def test_one_session_goes_from_the_reset_vector_to_long_mode(self):
        """gdb has every register all the time, and the script shows the code in the mode that it runs in."""
        code = self.kernel(REAL_MODE + PROTECTED_MODE + LONG_MODE + TABLE)
        vm = self.ringside(code, "--firmware", SEABIOS, "--gdb-arch=x86-64")
        gdb = self.gdb()
        gdb.connect(vm.port())
        self.source_script(gdb)
        gdb.run("stepi")
        shown = gdb.console("x/i $pc")
        assert re.search(r"=> f000:e05b\W+tcmp .*# real mode", gdb.transcript()), "at the stop"
        assert re.search(r"=> 0xe05b:\t.*# at f000:e05b", shown), shown
        setup = ENTRY - 0x200 + START
        gdb.console(f"hbreak *{setup:#x}")
        gdb.run("continue")
        shown = gdb.console("x/2i $pc")
        assert re.search(r"=> 0x68:\tcli\t# at 1020:0068\n +0x69:\tmov ax, 0x3000\t# at 1020:0069", shown), shown
        assert "mov ax, 0x3000" in gdb.console(f"x/i {setup + 1:#x}"), "a linear address"
        protected = setup + len(REAL_MODE)
        gdb.console(f"hbreak *{protected:#x}")
        gdb.run("continue")
        assert "mov ecx, 0xc0000080" in gdb.console("x/3i $pc")
        assert re.search(rf"=> {protected:#x}\W+tmov ax, 0x10.*# 32-bit protected mode", gdb.transcript()), "at the stop"
        long = protected + len(PROTECTED_MODE)
        gdb.console(f"hbreak *{long:#x}")
        gdb.run("continue")
        assert "movabs $0x112233445566772a,%rax" in gdb.console("x/i $pc"), "gdb's own disassembly"
        gdb.run("stepi")
        assert gdb.integer("$rax") == 0x112233445566772a
        gdb.start("continue")
        assert vm.wait() == EXIT_STATUS

    def test_what_it_cannot_start_is_named(self):
        vm = self.ringside(self.guest("hello16.bin"), "--firmware", SEABIOS, gdb=None)
        assert vm.wait() == 1
        assert "hello16.bin: it is no bzImage" in vm.stderr.text()
