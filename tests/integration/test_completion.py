"""Instructions that a KVM which emulates ring 0 cannot do: the monitor does them, and nothing about debugging changes."""

from tests.harness.case import RingsideTest

POPCNT_RAX_RCX = bytes.fromhex("f3480fb8c1")
CMPXCHG16B_RSI = bytes.fromhex("f0480fc70e")
FWAIT = b"\x9b"
NOP = b"\x90"


class TestCompletion(RingsideTest):
    def at(self, code: bytes):
        """gdb, stopped in the kernel in front of `code`, and the address of that."""
        _, gdb = self.attached("demo64", "--append=rounds=20")
        gdb.console("break run_scheduler")
        self.assert_breakpoint(gdb.run("continue"), "run_scheduler")
        gdb.console("delete")
        for offset, byte in enumerate(code):
            gdb.console(f"set var *(unsigned char *)($pc + {offset}) = {byte}")
        return gdb, gdb.integer("$pc")

    def test_a_step_over_each_is_one_step(self):
        gdb, start = self.at(POPCNT_RAX_RCX + FWAIT + CMPXCHG16B_RSI + NOP)
        gdb.console("set $rcx = 0xff00ff")
        gdb.run("stepi")
        assert (gdb.integer("$pc") - start, gdb.integer("$rax")) == (5, 16)
        gdb.run("stepi")
        assert gdb.integer("$pc") - start == 6
        gdb.console("set $rsi = ((unsigned long)$rsp - 512) & ~0xfUL")
        for register, value in (("rax", 1), ("rdx", 2), ("rbx", 3), ("rcx", 4)):
            gdb.console(f"set ${register} = {value}")
        gdb.console("set var *(unsigned long *)$rsi = 1")
        gdb.console("set var *(unsigned long *)($rsi + 8) = 2")
        gdb.run("stepi")
        assert gdb.integer("$pc") - start == 11
        assert [gdb.integer(f"*(unsigned long *)($rsi + {offset})") for offset in (0, 8)] == [3, 4]
        assert "ZF" in gdb.console("info registers eflags")

    def test_a_breakpoint_on_and_after_them_is_hit(self):
        gdb, start = self.at(NOP + POPCNT_RAX_RCX + POPCNT_RAX_RCX + NOP)
        gdb.console("set $rcx = 7")
        for offset in (6, 11):
            gdb.console(f"break *{start + offset}")
        for offset in (6, 11):
            assert gdb.run("continue")["reason"] == "breakpoint-hit"
            assert (gdb.integer("$pc") - start, gdb.integer("$rax")) == (offset, 3)
