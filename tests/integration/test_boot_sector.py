"""A boot sector that goes from real mode straight to long mode: no value loses its upper half without a word."""

import re

import pytest

from tests.harness import assembled
from tests.harness.case import RingsideTest

EXIT_STATUS = (0x10 << 1) | 1
RAX, RBX = 0x1122334455667788, 0xffffffff81000000
NOTICE = "it shows the lower half"
SOURCE = f"""
    .code16
    .globl _start, in64, stop64
_start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov $0x1000, %di
    mov $0x1800, %cx
    cld
    rep stosw
    movw $0x2003, 0x1000
    movw $0x3003, 0x2000
    movw $0x83, 0x3000
    mov $0x20, %eax
    mov %eax, %cr4
    mov $0x1000, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $1, %ah
    wrmsr
    mov %cr0, %eax
    or $0x80000001, %eax
    lgdt gdt_pointer
    mov %eax, %cr0
    ljmp $8, $in64
    .code64
in64:
    movabs ${RAX:#x}, %rax
    movabs ${RBX:#x}, %rbx
stop64:
    nop
    mov $0x10, %al
    out %al, $0xf4
    .balign 8
gdt:
    .quad 0, 0x00209b0000000000
gdt_pointer:
    .word 15
    .long gdt
"""


class TestBootSector(RingsideTest):
    def at_stop64(self, *options: str, command: str = "hbreak"):
        """Stopped in long mode, and what was printed with the stop."""
        elf = assembled.program(self.folder / "sector.elf", SOURCE, "SECTIONS { . = 0x7c00; .text : { *(.text) } }", bits=64)
        place = assembled.address(elf, "stop64")
        vm = self.ringside(assembled.flat(self.folder / "sector.bin", elf), *options)
        gdb = self.gdb()
        gdb.connect(vm.port())
        gdb.console(f"{command} *{place:#x}")
        stop = gdb.run("continue")
        assert stop["reason"] == "breakpoint-hit", stop
        assert gdb.integer("$pc") == place
        return vm, gdb

    @pytest.mark.parametrize("command", ["break", "hbreak"])
    def test_one_session_has_every_register_whole(self, command):
        vm, gdb = self.at_stop64("--gdb-arch", "x86-64", command=command)
        registers = gdb.console("info registers")
        assert re.search(rf"^rax +{RAX:#x} ", registers, re.M) and re.search(rf"^rbx +{RBX:#x} ", registers, re.M)
        assert NOTICE not in gdb.transcript()
        gdb.start("continue")
        assert vm.wait() == EXIT_STATUS

    def test_a_session_that_began_with_16_bits_says_that_it_shows_halves(self):
        vm, gdb = self.at_stop64()
        assert gdb.integer("(unsigned) $eax") == RAX & 0xffffffff
        assert gdb.transcript().count(NOTICE) == 1
        registers = gdb.console("monitor registers")
        assert f"rax {RAX:016x}" in registers and f"rbx {RBX:016x}" in registers
        gdb.run("stepi")
        assert gdb.transcript().count(NOTICE) == 1, "once"
        gdb.start("continue")
        assert vm.wait() == EXIT_STATUS

    def test_a_write_leaves_the_half_that_is_not_shown(self):
        _, gdb = self.at_stop64()
        gdb.console("set $eax = 0x99")
        assert f"rax {RAX >> 32:08x}00000099" in gdb.console("monitor registers")
