"""Real mode: 16-bit code under gdb."""

from tests.harness.case import RingsideTest

EXIT_STATUS = (0x10 << 1) | 1


class TestHello16(RingsideTest):
    def start(self):
        vm, gdb = self.attached("hello16.bin", symbols="hello16.elf")
        gdb.console("set architecture i8086")
        return vm, gdb

    def test_runs_alone_to_its_exit_status(self):
        vm = self.ringside(self.guest("hello16.bin"), gdb=None)
        assert vm.wait() == EXIT_STATUS
        assert "hello16: real mode at 0000:7c00\n5 4 3 2 1 \nok\n" in vm.stdout.text().replace("\r", "")

    def test_waits_at_its_first_instruction(self):
        _, gdb = self.start()
        assert gdb.integer("$pc") == 0x7c00
        assert gdb.integer("$cs") == 0
        assert "ljmp" in gdb.console("x/i $pc")

    def test_disassembles_as_16_bit_code(self):
        _, gdb = self.start()
        text = gdb.console("x/4i main")
        for instruction in ("cli", "xor    %ax,%ax", "mov    %ax,%ds", "mov    %ax,%ss"):
            assert instruction in text

    def test_breakpoints_hit_each_time(self):
        vm, gdb = self.start()
        gdb.console("break count_loop")
        for countdown in (5, 4, 3):
            self.assert_breakpoint(gdb.run("continue"), "count_loop")
            assert gdb.evaluate("*(short*)&countdown") == str(countdown)
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == EXIT_STATUS

    def test_shows_and_changes_16_bit_registers(self):
        vm, gdb = self.start()
        gdb.console("break after_interrupt")
        self.assert_breakpoint(gdb.run("continue"), "after_interrupt")
        assert gdb.integer("$ax") == 0x4321
        assert gdb.integer("$es") == 0x2000
        assert gdb.integer("$sp") == 0x7c00
        gdb.console("set var $ax = 0")  # now the guest finds the answer wrong
        gdb.start("continue")
        assert vm.wait() == (0x11 << 1) | 1

    def test_steps_into_a_software_interrupt_and_out_of_it(self):
        _, gdb = self.start()
        gdb.console("break on_interrupt")
        self.assert_breakpoint(gdb.run("continue"), "on_interrupt")
        assert gdb.integer("$ax") == 0x1234
        for _ in range(4):
            gdb.run("stepi")
        assert "iret" in gdb.console("x/i $pc")
        self.assert_stopped_in(gdb.run("stepi"), "after_interrupt")

    def test_watches_a_variable(self):
        _, gdb = self.start()
        gdb.console("watch *(short*)&interrupts_taken")
        stop = gdb.run("continue", seconds=120)
        assert stop["reason"] == "watchpoint-trigger"
        assert stop["value"] == {"old": "0", "new": "1"}
