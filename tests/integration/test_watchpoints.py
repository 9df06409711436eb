"""Watchpoints of every kind, size and alignment, and more of them than the processor has slots."""

from tests.harness.case import RingsideTest

DATA = 0x700000  # nothing of the guest's is there
UNALIGNED = [0x00, 0x11, 0x23, 0x35, 0x47, 0x59]  # more pieces than there are slots
LARGE, LARGE_SIZE = 0x63, 24  # odd, and larger than all slots together
STORE = 7  # bytes: movl $imm32, disp8(%rdi)


def store(offset: int, value: int) -> bytes:
    return b"\xc7\x47" + bytes([offset]) + value.to_bytes(4, "little")


class WatchTest(RingsideTest):
    def about_to_run(self, code: bytes):
        """As with_code(), with RDI pointing at DATA."""
        vm, gdb = self.with_code(list(code))
        gdb.console(f"set {{char[128]}}{DATA:#x} = {{0}}")
        gdb.console(f"set $rdi = {DATA:#x}")
        return vm, gdb


class TestReads(WatchTest):
    def test_a_write_is_no_hit_even_if_it_changes_nothing(self):
        """gdb would take a hit without a change for a read."""
        _, gdb = self.about_to_run(store(0, 0) + b"\x8b\x07\xc3")  # and mov (%rdi), %eax; ret
        gdb.console(f"rwatch *(int*){DATA:#x}")
        stop = gdb.run("continue")
        assert stop["reason"] == "read-watchpoint-trigger", stop
        assert gdb.integer("$pc - $start") == STORE + 2

    def test_an_instruction_that_also_writes_is_a_read(self):
        _, gdb = self.about_to_run(b"\x31\xc0\x87\x07\xc3")  # xor %eax, %eax; xchg %eax, (%rdi); ret
        gdb.console(f"rwatch *(int*){DATA:#x}")
        assert gdb.run("continue")["reason"] == "read-watchpoint-trigger"
        assert gdb.integer("$pc - $start") == 4

    def test_a_watchpoint_for_writes_at_the_same_place_is_hit_by_them(self):
        _, gdb = self.about_to_run(store(0, 7) + b"\x8b\x07\xc3")
        gdb.console(f"rwatch *(int*){DATA:#x}")
        gdb.console(f"watch *(int*){DATA:#x}")
        stop = gdb.run("continue")
        assert (stop["reason"], stop["wpt"]["number"], stop["value"]) == ("watchpoint-trigger", "3", {"old": "0", "new": "7"}), stop
        assert gdb.run("continue")["reason"] == "read-watchpoint-trigger"


class TestMoreThanSlots(WatchTest):
    def test_each_is_hit_with_its_old_and_its_new_value(self):
        _, gdb = self.about_to_run(b"".join(store(offset, 7) for offset in UNALIGNED) + store(LARGE + LARGE_SIZE - 1, 7) + b"\xc3")
        for offset in UNALIGNED:
            gdb.console(f"watch *(int*){DATA + offset:#x}")
        gdb.console(f"watch *(char(*)[{LARGE_SIZE}]){DATA + LARGE:#x}")
        for number, _ in enumerate(UNALIGNED, 1):
            stop = gdb.run("continue")
            assert (stop["reason"], stop["wpt"]["number"]) == ("watchpoint-trigger", str(number + 1)), stop
            assert stop["value"] == {"old": "0", "new": "7"}
            assert gdb.integer("$pc - $start") == number * STORE
        stop = gdb.run("continue")
        assert stop["wpt"]["number"] == str(len(UNALIGNED) + 2), stop
        assert stop["value"]["new"].endswith(r'\a"'), stop
