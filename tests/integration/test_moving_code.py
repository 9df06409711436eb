"""Breakpoints where the guest itself puts the code, or where code may not run."""

import re

from tests.harness import elf
from tests.harness.case import RingsideTest

ENTRY, STACK, COPY = 0x200000, 0x1ffc00, 0x300000
EXIT_STATUS = (0x10 << 1) | 1
# Copies the four bytes behind its end to COPY, calls them there, and exits. In 32-bit mode, without paging.
LOADER = (b"\xbc" + STACK.to_bytes(4, "little") +  # mov esp, STACK
          b"\xbe" + (ENTRY + 34).to_bytes(4, "little") +  # mov esi, ENTRY + 34
          b"\xbf" + COPY.to_bytes(4, "little") +  # mov edi, COPY
          b"\xb9\x04\x00\x00\x00\xf3\xa4"  # mov ecx, 4; rep movsb
          b"\xb8" + COPY.to_bytes(4, "little") + b"\xff\xd0"  # mov eax, COPY; call eax
          b"\xb0\x10\xe6\xf4\xf4"  # mov al, 0x10; out 0xf4, al; hlt
          b"\x43\x90\xc3\x90")  # inc ebx; nop; ret; nop
assert len(LOADER) == 38


class TestMovingCode(RingsideTest):
    def loader(self):
        kernel = self.folder / "loader"
        kernel.write_bytes(elf.kernel([elf.Segment(ENTRY, LOADER)], ENTRY))
        vm = self.ringside(kernel)
        gdb = self.gdb()
        gdb.connect(vm.port())
        return vm, gdb

    def test_a_breakpoint_is_hit_where_code_is_copied_to_later(self):
        _, gdb = self.loader()
        gdb.console(f"break *{COPY:#x}")
        assert gdb.run("continue")["reason"] == "breakpoint-hit"
        assert gdb.integer("$pc") == COPY

    def test_one_that_the_guest_writes_over_is_said_to_be_lost(self):
        """Four others have the debug slots."""
        vm, gdb = self.loader()
        for address in range(0x400000, 0x400040, 16):
            gdb.console(f"hbreak *{address:#x}")
        gdb.console(f"break *{COPY:#x}")
        stop = gdb.run("continue")
        if stop["reason"] == "breakpoint-hit":  # on a host that steps for breakpoints
            assert gdb.integer("$pc") == COPY
            return
        assert f"has overwritten the breakpoint at {COPY:#x}" in "".join(gdb.log)
        assert vm.wait() == EXIT_STATUS


class TestCodeThatMayNotRun(RingsideTest):
    STACK = 0x700f00

    def test_a_function_is_called_on_a_stack_that_is_not_executable(self):
        """gdb has the called function return to a breakpoint on the stack."""
        _, gdb = self.attached("demo64", "--append=rounds=20")
        gdb.console("break mix")
        gdb.run("continue")
        gdb.console("delete")
        expected = gdb.integer("mix(3, 4)")
        walk = gdb.console(f"monitor translate {self.STACK:#x}")
        entry, value = re.findall(r"entry at gpa (0x[0-9a-f]+) = (0x[0-9a-f]+)", walk)[-1]
        gdb.console(f"set *(unsigned long*){entry} = {value} | (1UL << 63)")
        gdb.console("set $efer = $efer | 0x800")
        assert "no-execute" in gdb.console(f"monitor translate {self.STACK:#x}")
        own = gdb.integer("$rsp")
        gdb.console(f"set $rsp = {self.STACK:#x}")
        assert gdb.integer("mix(3, 4)") == expected
        gdb.console(f"set $rsp = {own:#x}")
        gdb.console("break report_round")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
