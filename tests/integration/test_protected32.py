"""32-bit protected mode, paging off and then on.

A KVM that emulates the processor may refuse 32-bit paging; the guest notices and says so with a status of its own. The
tests of paging are skipped there, by the guest's own word.
"""

import re

import pytest

from tests.harness.case import RingsideTest

PASSED, PAGING_REFUSED = (0x10 << 1) | 1, (0x12 << 1) | 1
HIGH_BASE = 0xc0000000
CR0_PAGING = 1 << 31


class TestProtected32(RingsideTest):
    def start(self):
        return self.attached("protected32")

    def after_paging(self):
        vm, gdb = self.start()
        gdb.console("break after_paging")
        stop = gdb.run("continue")
        if stop["reason"] == "exited" and int(stop["exit-code"], 8) == PAGING_REFUSED:
            pytest.skip("this host's KVM refuses paging in 32-bit mode")
        self.assert_breakpoint(stop, "after_paging")
        return vm, gdb

    def test_runs_alone_to_its_exit_status(self):
        vm = self.ringside(self.guest("protected32"), gdb=None)
        status = vm.wait()
        paging = {PASSED: "paging on", PAGING_REFUSED: "paging refused"}
        assert status in paging
        assert re.search(rf"paging off[\s\S]*{paging[status]}[\s\S]*\nok", vm.stdout.text())

    def test_modules_come_in_order_with_their_words(self):
        names = ("first", "second")
        for name in names:
            (self.folder / name).write_text(f"the {name} module")
        texts = [f"{self.folder}/first a=b c", f"{self.folder}/second"]
        _, gdb = self.attached("protected32", *(f"--initrd={text}" for text in texts))
        info = gdb.integer("$ebx")  # at the first instruction
        words = [gdb.integer(f"((unsigned *) {info})[{index}]") for index in (0, 5, 6)]
        assert words[0] & 8 != 0 and words[1] == 2
        for index, (name, text) in enumerate(zip(names, texts)):
            start, end, string = (gdb.integer(f"((unsigned *) {words[2]})[{4 * index + field}]") for field in range(3))
            assert end - start == len(f"the {name} module")
            assert f'"the {name} module"' in gdb.console(f"x/s {start}")
            assert f'"{text}"' in gdb.console(f"x/s {string}")

    def test_breaks_before_paging(self):
        _, gdb = self.start()
        gdb.console("break before_paging")
        self.assert_breakpoint(gdb.run("continue"), "before_paging")
        assert gdb.integer("$cr0") & CR0_PAGING == 0

    def test_breaks_after_paging(self):
        vm, gdb = self.after_paging()
        assert gdb.integer("$cr0") & CR0_PAGING != 0
        gdb.start("continue")
        assert vm.wait() == PASSED

    def test_a_breakpoint_in_a_function_shows_its_arguments_and_callers(self):
        _, gdb = self.start()
        gdb.console("break area")
        self.assert_breakpoint(gdb.run("continue"), "area")
        assert (gdb.evaluate("rectangle.width"), gdb.evaluate("scale")) == ("6", "10")
        assert "guest_main" in gdb.console("bt")

    def test_finish_shows_the_value_returned(self):
        _, gdb = self.start()
        gdb.console("break area")
        gdb.run("continue")
        stop = gdb.run("finish")
        assert (stop["reason"], stop["return-value"]) == ("function-finished", "420")

    def test_recursion_is_a_backtrace(self):
        _, gdb = self.start()
        gdb.console("break factorial if n == 2")
        self.assert_breakpoint(gdb.run("continue"), "factorial")
        assert gdb.console("bt").count("factorial") == 4

    def test_memory_is_read_through_both_mappings(self):
        _, gdb = self.after_paging()
        address = gdb.integer("&shared")
        low = gdb.integer(f"*(unsigned*){address:#x}")
        high = gdb.integer(f"*(unsigned*){address + HIGH_BASE:#x}")
        assert (low, high) == (0x11223344, 0x11223344)

    def test_memory_that_no_page_maps_is_an_error_and_not_zeros(self):
        _, gdb = self.after_paging()
        with pytest.raises(Exception, match="Cannot access memory"):
            gdb.evaluate("*(unsigned*)0x80000000")

    def test_memory_that_no_ram_backs_is_an_error_and_not_zeros(self):
        _, gdb = self.start()
        with pytest.raises(Exception, match="Cannot access memory"):
            gdb.evaluate("*(unsigned*)0x80000000")

    # ---- Packets that gdb does not send

    FREE = 0x200000
    EIP, EFLAGS = b"p8", b"p9"

    def test_a_client_is_told_of_32_bits_and_continues_at_an_address_of_as_many(self):
        client = self.client(self.ringside(self.guest("protected32")))
        assert client.ask(b"?").startswith(b"T")
        for packet in (b"qHostInfo", b"qProcessInfo"):
            assert b"ptrsize:4;" in client.ask(packet)
        flags = client.ask(self.EFLAGS)
        assert client.ask(b"M%x,4:9090ebfe" % self.FREE) == b"OK"  # nop; nop; jmp to itself
        assert client.ask(b"Z1,%x,1" % (self.FREE + 1)) == b"OK"
        stop = client.ask(b"c%x" % self.FREE)
        while stop.startswith(b"O"):  # a host without slots steps, and says so
            stop = client.receive()
        assert stop.startswith(b"T05")
        assert client.ask(self.EIP) == (self.FREE + 1).to_bytes(4, "little").hex().encode()
        assert client.ask(self.EFLAGS) == flags
