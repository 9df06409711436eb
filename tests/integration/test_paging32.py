"""32-bit kernels that map one address twice, or themselves into the upper half."""

import re

import pytest

from tests.harness import assembled
from tests.harness.case import RingsideTest

EXIT_STATUS = (0x10 << 1) | 1
HALF = 0xc0000000
CODE = 0x400000
LOOPS = 20_000
MULTIBOOT = ".long 0x1badb002, 0, -0x1badb002"
# Page directories are at 0x200000 and 0x201000, with pages of 4 MiB.
TURN_PAGING_ON = """
    mov %cr4, %eax
    or $0x10, %eax
    mov %eax, %cr4
    mov $0x200000, %eax
    mov %eax, %cr3
    mov %cr0, %eax
    or $0x80000000, %eax
    mov %eax, %cr0
"""
LEAVE = "mov $0x10, %al; out %al, $0xf4"

# The page at CODE is in two places, with code that differs in one byte, and is called in each address space.
TWO_SPACES = f"""
    .code32
    .globl _start, mapped
    {MULTIBOOT}
_start:
    cld
    mov $0x200000, %edi
    xor %eax, %eax
    mov $2048, %ecx
    rep stosl
    movl $0x83, 0x200000
    movl $0x800087, 0x200004
    movl $0x83, 0x201000
    movl $0xc00087, 0x201004
    mov $code, %esi
    mov $0x800000, %edi
    mov $(code_end - code), %ecx
    rep movsb
    mov $code, %esi
    mov $0xc00000, %edi
    mov $(code_end - code), %ecx
    rep movsb
    movb $8, 0xc00001
    {TURN_PAGING_ON}
mapped:
    mov $0x180000, %esp
    mov ${CODE:#x}, %eax
    call *%eax
    mov $0x201000, %eax
    mov %eax, %cr3
    mov ${CODE:#x}, %eax
    call *%eax
    {LEAVE}
code:
    mov $7, %ebx
    nop
    ret
code_end:
"""

FUNCTIONS = [f"f{number}" for number in range(1, 7)]  # more than there are slots

UPPER_HALF = f"""
    .code32
    .globl start_physical, high, {", ".join(FUNCTIONS)}
    .set start_physical, _start - {HALF:#x}
    {MULTIBOOT}
_start:
    cld
    mov $0x200000, %edi
    xor %eax, %eax
    mov $1024, %ecx
    rep stosl
    movl $0x83, 0x200000
    movl $0x83, 0x200c00
    {TURN_PAGING_ON}
    mov $high, %eax
    jmp *%eax
high:
    mov ${HALF + 0x180000:#x}, %esp
    mov ${LOOPS}, %ecx
1:  dec %ecx
    jnz 1b
    {"; ".join(f"call {name}" for name in FUNCTIONS)}
    {LEAVE}
{"".join(f"{name}: nop; ret; " for name in FUNCTIONS)}
"""


class TestTwoAddressSpaces(RingsideTest):
    SPACES = [(0x200000, 7), (0x201000, 8)]

    def start(self):
        kernel = assembled.program(self.folder / "two", TWO_SPACES, "SECTIONS { . = 0x100000; .text : { *(.text) } }", bits=32)
        vm = self.ringside(kernel)
        gdb = self.gdb(kernel)
        gdb.connect(vm.port())
        return vm, gdb

    def mapped(self):
        vm, gdb = self.start()
        gdb.console("break mapped")
        stop = gdb.run("continue")
        assert stop["reason"] == "breakpoint-hit", stop
        gdb.console("delete")
        return vm, gdb

    def hits(self, vm, gdb) -> list[tuple[int, int]]:
        """The CR3 of each stop at CODE, and the byte that the code there has of its own."""
        found = []
        stop = gdb.run("continue")
        while stop["reason"] == "breakpoint-hit":
            assert gdb.integer("$pc") == CODE
            found.append((gdb.integer("$cr3"), gdb.integer(f"*(char *) {CODE + 1:#x}")))
            stop = gdb.run("continue")
        assert stop["reason"] == "exited", stop
        assert vm.wait() == EXIT_STATUS
        return found

    def test_a_breakpoint_is_hit_in_the_one_where_it_was_set(self):
        """And not in the other, whose memory it is not in, unless this host steps for it."""
        vm, gdb = self.mapped()
        gdb.console(f"break *{CODE:#x}")
        assert self.hits(vm, gdb) in (self.SPACES[:1], self.SPACES)

    def test_a_hardware_breakpoint_is_hit_in_both(self):
        vm, gdb = self.mapped()
        gdb.console(f"hbreak *{CODE:#x}")
        assert self.hits(vm, gdb) == self.SPACES

    def test_one_that_was_set_before_paging_is_hit(self):
        vm, gdb = self.start()
        gdb.console(f"break *{CODE:#x}")
        assert self.hits(vm, gdb)[0] == self.SPACES[0]

    @pytest.mark.parametrize("space", [0, 1])
    def test_it_is_hit_in_the_chosen_one_alone(self, space):
        vm, gdb = self.mapped()
        cr3, byte = self.SPACES[space]
        gdb.console(f"monitor address-space {cr3:#x}")
        gdb.console("maint flush dcache")
        assert gdb.integer(f"*(char *) {CODE + 1:#x}") == byte
        gdb.console(f"break *{CODE:#x}")
        assert self.hits(vm, gdb) == [self.SPACES[space]]


class TestUpperHalf(RingsideTest):
    @pytest.mark.parametrize("functions", [FUNCTIONS[:4], FUNCTIONS])
    def test_breakpoints_that_were_set_before_paging_cost_no_steps_after_it(self, functions):
        kernel = assembled.program(self.folder / "higher", UPPER_HALF, entry="start_physical", bits=32, layout=f"""
            SECTIONS {{ . = {HALF + 0x100000:#x}; .text : AT(ADDR(.text) - {HALF:#x}) {{ *(.text) }} }}""")
        vm = self.ringside(kernel)
        gdb = self.gdb(kernel)
        gdb.connect(vm.port())
        for name in functions:
            gdb.console(f"break *{name}")
        for name in functions:
            stop = gdb.run("continue")
            assert stop["reason"] == "breakpoint-hit", stop
            assert gdb.integer("$pc") == gdb.integer(f"&{name}")
        steps = re.search(r"^DEBUG +(\d+)", gdb.console("monitor exits"), re.MULTILINE)
        assert int(steps[1]) < LOOPS / 2
        gdb.start("continue")
        assert vm.wait() == EXIT_STATUS
