"""A BIOS that starts a kernel by its 16-bit setup code: Debian's SeaBIOS, and a kernel of a few bytes."""

import struct
from pathlib import Path

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


def kernel() -> bytes:
    setup = bytearray(SETUP_SIZE)
    struct.pack_into("<B", setup, 0x1f1, SETUP_SIZE // 512 - 1)
    struct.pack_into("<HBB4sH", setup, 0x1fe, 0xaa55, 0xeb, START - 0x202, b"HdrS", 0x207)
    struct.pack_into("<B", setup, 0x211, 1)  # the other part is loaded at 1 MiB
    setup[START:START + len(CODE)] = CODE
    return bytes(setup) + bytes([MARK]).ljust(512, b"\0")


class TestFirmware(RingsideTest):
    def kernel(self) -> Path:
        path = self.folder / "kernel"
        path.write_bytes(kernel())
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

    def test_what_it_cannot_start_is_named(self):
        vm = self.ringside(self.guest("hello16.bin"), "--firmware", SEABIOS, gdb=None)
        assert vm.wait() == 1
        assert "hello16.bin: it is no bzImage" in vm.stderr.text()
