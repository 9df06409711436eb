"""Linux's symbols where Linux is, by the Python file that Ringside makes for gdb: those of per-CPU variables are offsets, and
stay. The kernel is Debian's, as far as its first instruction; the symbols are a few at places of our own choice."""

import re
import subprocess

import pytest

from tests.harness.case import RingsideTest
from tests.linux.symbols import kernel

LINKED = 0xffffffff81000000
SLIDE = 0x3000000
INIT = 0x2000000  # of .init.text, behind _text
CURRENT = 0x40  # current_task's offset

# As in vmlinux: the per-CPU variables' segment is between others.
SOURCE = f"""
    .globl _text, entry_SYSCALL_64, __per_cpu_start, current_task, start_kernel
    .text
_text: .skip 64
entry_SYSCALL_64: .skip 64
    .section .data..percpu, "aw"
__per_cpu_start: .skip {CURRENT}
current_task: .quad 0
    .section .init.text, "ax"
start_kernel: nop
"""
LAYOUT = f"""
PHDRS {{ text PT_LOAD; percpu PT_LOAD; init PT_LOAD; }}
SECTIONS {{
    .text {LINKED:#x} : {{ *(.text) }} :text
    .data..percpu 0 : {{ *(.data..percpu) }} :percpu
    .init.text {LINKED + INIT:#x} : {{ *(.init.text) }} :init
}}
"""


@pytest.mark.full_gdb
class TestLinuxSymbols(RingsideTest):
    @pytest.fixture(autouse=True)
    def prepare(self, clean_up) -> None:
        try:
            self.bzimage = next(kernel.prepare().tree.glob("boot/vmlinuz-*"))
        except kernel.LabError as error:
            pytest.skip(str(error))
        self.vmlinux = self.folder / "vmlinux"
        (self.folder / "layout").write_text(LAYOUT, encoding="utf-8")
        unlinked = self.folder / "symbols.o"
        subprocess.run(["as", "-o", unlinked, "-"], input=SOURCE, text=True, check=True)
        subprocess.run(["ld", "-T", self.folder / "layout", "-e", "0", "-o", self.vmlinux, unlinked], check=True)

    def attached_to_linux(self, *options: str):
        """gdb with symbols, a breakpoint set beforehand, and the file that Ringside made for it."""
        vm = self.ringside(self.bzimage, "--serial", "none", *options, memory="256M")
        gdb = self.gdb(self.vmlinux)
        gdb.console("break *start_kernel")
        gdb.connect(vm.port())
        self.source_script(gdb)
        return gdb

    def assert_moved(self, gdb, slide: int) -> None:
        assert gdb.integer("&_text") == LINKED + slide
        assert gdb.integer("&start_kernel") == LINKED + INIT + slide
        assert gdb.integer("&current_task") == CURRENT
        assert re.search(rf"keep [yn] +{LINKED + INIT + slide:#x}", gdb.console("info breakpoints"))

    def test_per_cpu_variables_stay(self):
        gdb = self.attached_to_linux("--kaslr-slide", f"{SLIDE:#x}")
        self.assert_moved(gdb, SLIDE)
        assert "keep y" in gdb.console("info breakpoints"), "the breakpoint is in force"

    def test_symbols_that_are_read_again_follow(self):
        """As lx-symbols has it."""
        gdb = self.attached_to_linux("--kaslr-slide", f"{SLIDE:#x}")
        gdb.console("symbol-file")
        gdb.console(f"symbol-file {self.vmlinux}")
        self.assert_moved(gdb, SLIDE)

    def test_a_kernel_where_it_was_linked(self):
        gdb = self.attached_to_linux("--append", "nokaslr")
        gdb.console(f"symbol-file {self.vmlinux}")
        self.assert_moved(gdb, 0)

    def test_a_kernel_that_has_moved_itself(self):
        """It is seen by the system-call entry that it has told the CPU."""
        gdb = self.attached_to_linux("--append", "nokaslr")
        gdb.console(f"set $lstar = (unsigned long)&entry_SYSCALL_64 + {SLIDE:#x}")
        gdb.run("stepi")
        self.assert_moved(gdb, SLIDE)

    def test_another_machine_under_the_same_gdb(self):
        gdb = self.attached_to_linux("--kaslr-slide", f"{SLIDE:#x}")
        gdb.console("disconnect")
        other = self.ringside(self.bzimage, "--serial", "none", "--kaslr-slide", f"{2 * SLIDE:#x}", memory="256M")
        gdb.connect(other.port())
        self.assert_moved(gdb, 2 * SLIDE)
