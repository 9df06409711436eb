"""A guest that asks to stop: at its int3, at xchg %bx,%bx, at a write to a port."""

import pytest

from tests.harness.case import RingsideTest

CODE = [0xcc,  # int3
        0x66, 0x87, 0xdb,  # xchg %bx, %bx
        0xb0, 0x2a, 0xe6, 0xf1,  # mov $42, %al; out %al, $0xf1
        0xc3]  # ret
INT3, EXCHANGE, OUT = 0, 1, 6


class TestGuestStop(RingsideTest):
    def assert_asked(self, gdb, stop, what: str, behind: int) -> None:
        assert stop["signal-name"] == "SIGTRAP", stop
        assert any(f"The guest has asked to stop ({what}" in line for line in gdb.log), gdb.log
        assert gdb.integer("$pc - $start") == behind

    def test_nothing_is_chosen_at_first(self):
        _, gdb = self.attached("demo64")
        assert "The guest cannot ask to stop" in gdb.console("monitor guest-stop")

    def test_at_its_int3(self):
        _, gdb = self.with_code(CODE)
        assert "with: int3" in gdb.console("monitor guest-stop int3")
        self.assert_asked(gdb, gdb.run("continue"), "int3 at", INT3 + 1)

    def test_at_an_exchange(self):
        _, gdb = self.with_code(CODE)
        gdb.console("set $pc = $start + 1")
        assert "runs slowly" in gdb.console("monitor guest-stop xchg")
        self.assert_asked(gdb, gdb.run("continue"), "xchg %bx,%bx at", EXCHANGE + 3)

    def test_at_a_port(self):
        _, gdb = self.with_code(CODE)
        gdb.console("set $pc = $start + 1")
        assert "with: port:0xf1" in gdb.console("monitor guest-stop port:0xf1")
        self.assert_asked(gdb, gdb.run("continue"), "0x2a written", OUT + 2)
        assert "cannot ask" in gdb.console("monitor guest-stop off")

    def test_by_option(self):
        _, gdb = self.with_code(CODE, "--guest-stop=port:0xf1")
        gdb.console("set $pc = $start + 1")
        self.assert_asked(gdb, gdb.run("continue"), "0x2a written", OUT + 2)

    def test_without_it_the_int3_is_the_guests(self):
        vm, gdb = self.with_code(CODE)
        gdb.start("continue")
        vm.serial("unexpected interrupt 3,")

    @pytest.mark.parametrize(("choice", "sentence"), [
        ("int1", "it must be int3, xchg or port:NUMBER"), ("port:70000", '"70000" is not a port'),
        ("port:0x43", "KVM has the device that is there")])
    def test_wrong_choices(self, choice, sentence):
        _, gdb = self.attached("demo64")
        assert sentence in gdb.console(f"monitor guest-stop {choice}")

    def test_a_wrong_option_is_bad_usage(self):
        vm = self.ringside(self.guest("demo64"), "--guest-stop=int1", gdb=None)
        assert vm.wait() == 2
        assert "it must be int3, xchg or port:NUMBER" in vm.stderr.text()
