"""32-bit protected mode, paging off and then on."""

from tests.integration.harness.case import RingsideCase

EXIT_STATUS = (0x10 << 1) | 1
HIGH_BASE = 0xc0000000
CR0_PAGING = 1 << 31


class Protected32(RingsideCase):
    def test_runs_alone_to_its_exit_status(self):
        vm = self.ringside(self.guest("protected32"), gdb=None)
        self.assertEqual(vm.wait(), EXIT_STATUS)
        self.assertRegex(vm.stdout.text(), r"paging off[\s\S]*paging on[\s\S]*ok")

    def test_breaks_before_and_after_paging(self):
        vm, gdb = self.attached("protected32")
        gdb.console("break before_paging")
        gdb.console("break after_paging")
        self.assert_breakpoint(gdb.run("continue"), "before_paging")
        self.assertEqual(gdb.integer("$cr0") & CR0_PAGING, 0)
        self.assert_breakpoint(gdb.run("continue"), "after_paging")
        self.assertNotEqual(gdb.integer("$cr0") & CR0_PAGING, 0)
        gdb.start("continue")
        self.assertEqual(vm.wait(), EXIT_STATUS)

    def test_a_breakpoint_set_before_paging_holds_after_it(self):
        _, gdb = self.attached("protected32")
        gdb.console("break area")
        self.assert_breakpoint(gdb.run("continue"), "area")
        self.assertEqual((gdb.evaluate("rectangle.width"), gdb.evaluate("scale")), ("6", "10"))
        self.assertIn("guest_main", gdb.console("bt"))

    def test_finish_shows_the_value_returned(self):
        _, gdb = self.attached("protected32")
        gdb.console("break area")
        gdb.run("continue")
        stop = gdb.run("finish")
        self.assertEqual((stop["reason"], stop["return-value"]), ("function-finished", "420"))

    def test_recursion_is_a_backtrace(self):
        _, gdb = self.attached("protected32")
        gdb.console("break factorial if n == 2")
        self.assert_breakpoint(gdb.run("continue"), "factorial")
        self.assertEqual(gdb.console("bt").count("factorial"), 4)

    def test_memory_is_read_through_both_mappings(self):
        _, gdb = self.attached("protected32")
        gdb.console("break area")
        gdb.run("continue")
        address = gdb.integer("&shared")
        low = gdb.integer(f"*(unsigned*){address:#x}")
        high = gdb.integer(f"*(unsigned*){address + HIGH_BASE:#x}")
        self.assertEqual((low, high), (0x55667788, 0x55667788))

    def test_memory_that_no_page_maps_is_an_error_and_not_zeros(self):
        _, gdb = self.attached("protected32")
        gdb.console("break after_paging")
        gdb.run("continue")
        with self.assertRaisesRegex(Exception, "Cannot access memory"):
            gdb.evaluate("*(unsigned*)0x80000000")
