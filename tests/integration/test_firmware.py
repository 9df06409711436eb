"""A BIOS that starts a kernel by its 16-bit setup code: Debian's SeaBIOS, and a kernel of a few bytes."""

import struct
import tempfile
from pathlib import Path

from tests.integration.harness import paths
from tests.integration.harness.case import RingsideCase

SEABIOS = paths.SEABIOS / "bios-256k.bin"
SETUP_SIZE = 1024
ENTRY = 0x10200  # where the setup code's second sector stands

# Behind the header: the byte at 1 MiB, which is the first of the kernel's other part, goes to the debug-exit port.
START = 0x268
CODE = bytes.fromhex("b8ffff 8ec0 26a01000 e6f4 f4")
MARK = 0x2a
EXIT_STATUS = (MARK << 1) | 1


def kernel() -> bytes:
    setup = bytearray(SETUP_SIZE)
    struct.pack_into("<B", setup, 0x1f1, SETUP_SIZE // 512 - 1)
    struct.pack_into("<HBB4sH", setup, 0x1fe, 0xaa55, 0xeb, START - 0x202, b"HdrS", 0x207)
    struct.pack_into("<B", setup, 0x211, 1)  # the other part goes to 1 MiB
    setup[START:START + len(CODE)] = CODE
    return bytes(setup) + bytes([MARK]).ljust(512, b"\0")


class Firmware(RingsideCase):
    def kernel(self) -> Path:
        path = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="ringside-test-"))) / "kernel"
        path.write_bytes(kernel())
        return path

    def test_it_starts_the_kernel_and_its_screen_is_the_serial_line(self):
        vm = self.ringside(self.kernel(), "--firmware", SEABIOS, gdb=None)
        self.assertEqual(vm.wait(), EXIT_STATUS)
        text = vm.stdout.text()
        self.assertIn("SeaBIOS (version ", text)
        self.assertIn("Booting from ROM", text)

    def test_a_breakpoint_in_the_setup_code_can_be_set_at_the_reset_vector(self):
        vm = self.ringside(self.kernel(), "--firmware", SEABIOS, "--append", "quiet=1")
        gdb = self.gdb()
        gdb.console("set architecture i8086")
        gdb.connect(vm.port())
        self.assertEqual((gdb.integer("$cs_base"), gdb.integer("$eip")), (0xffff0000, 0xfff0))
        gdb.console(f"break *{ENTRY:#x}")
        gdb.run("continue")
        self.assertEqual([gdb.integer(f"${name}") for name in ("cs", "eip", "ds", "ss", "esp")],
                         [0x1020, 0, 0x1000, 0x1000, 0xe000])
        self.assertIn("quiet=1", gdb.console("x/s *(int*)0x10228"))
        self.assertEqual(gdb.integer("*(unsigned char*)0x100000"), MARK)
        gdb.start("continue")
        self.assertEqual(vm.wait(), EXIT_STATUS)

    def test_what_it_cannot_start_is_named(self):
        vm = self.ringside(self.guest("hello16.bin"), "--firmware", SEABIOS, gdb=None)
        self.assertEqual(vm.wait(), 1)
        self.assertIn("hello16.bin: it is no bzImage", vm.stderr.text())
