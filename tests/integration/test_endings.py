"""How a guest can end, and what the user and the shell are told."""

import signal

from tests.integration.harness.case import RingsideCase


class Endings(RingsideCase):
    def alone(self, end: str):
        return self.ringside(self.guest("demo64"), f"--append=rounds=1 end={end}", gdb=None)

    def test_debug_exit_gives_its_status(self):
        self.assertEqual(self.alone("exit").wait(), 33)

    def test_a_triple_fault_is_status_3_and_one_line(self):
        vm = self.alone("triple")
        self.assertEqual(vm.wait(), 3)
        self.assertRegex(vm.stderr.text(), r"(?i)triple fault")

    def test_a_reset_ends_the_run_in_good_order(self):
        self.assertEqual(self.alone("reset").wait(), 0)

    def test_a_panic_is_status_4_and_one_line(self):
        vm = self.alone("panic")
        self.assertEqual(vm.wait(), 4)
        self.assertRegex(vm.stderr.text(), r"(?m)^ringside: the guest's kernel has panicked")

    def test_a_panic_under_a_debugger_stops_there_and_is_not_forgotten(self):
        _, gdb = self.attached("demo64", "--append=rounds=1 end=panic")
        stop = gdb.run("continue")
        self.assertTrue(any("has panicked" in line for line in gdb.log), gdb.log)
        self.assertRegex(gdb.console("bt"), r"report_panic.*\n.*panic")
        stop = gdb.run("continue")
        self.assertEqual((stop["reason"], int(stop["exit-code"], 8)), ("exited", 4))

    def test_a_triple_fault_under_a_debugger_stops_where_it_happened(self):
        _, gdb = self.attached("demo64", "--append=rounds=1 end=triple")
        stop = gdb.run("continue")
        self.assertEqual(stop["reason"], "signal-received", stop)
        self.assertTrue(any("triple fault" in line.lower() for line in gdb.log))
        self.assert_stopped_in(stop, "triple_fault")

    def test_gdb_is_told_the_exit_status(self):
        _, gdb = self.attached("demo64", "--append=rounds=1")
        stop = gdb.run("continue")
        self.assertEqual((stop["reason"], int(stop["exit-code"], 8)), ("exited", 33))

    def test_sigint_and_sigterm_end_a_vm_without_a_debugger(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                vm = self.ringside(self.guest("demo64"), gdb=None)
                vm.serial("round 1:")
                vm.signal(number)
                vm.wait()
                self.assertFalse(vm.running())

    def test_serial_to_a_file_and_to_nowhere(self):
        for target in ("none", "file:/dev/null"):
            with self.subTest(target):
                vm = self.ringside(self.guest("demo64"), "--serial", target, "--append=rounds=1", gdb=None)
                self.assertEqual(vm.wait(), 33)
                self.assertEqual(vm.stdout.text(), "")
