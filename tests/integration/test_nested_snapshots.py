"""Snapshots of a guest that is a hypervisor, and why it cannot go back in a recording."""

from tests.integration.nested_case import NestedTest


class TestNestedSnapshots(NestedTest):
    def in_operation(self, *options: str):
        """The hypervisor after an exit of its guest: VMX operation or SVM is on, and the VMCS or VMCB is in use."""
        self.kind()
        vm, gdb = self.attached("hypervisor", "--append=rounds=3", *options)
        gdb.console("break hypervisor::handle")
        for _ in range(2):
            self.assert_breakpoint(gdb.run("continue"), "handle")
        gdb.console("delete")
        return vm, gdb

    def test_its_guest_goes_on_from_there(self):
        vm, gdb = self.in_operation()
        pc = gdb.integer("$pc")
        assert f"vCPU 0 at {pc:#x}" in gdb.console("monitor snapshot save inside")
        for _ in range(2):
            gdb.console("break guest::debug_exit")
            self.assert_breakpoint(gdb.run("continue"), "debug_exit")
            assert "restored" in gdb.console("monitor snapshot restore inside")
            gdb.console("maintenance flush register-cache")
            assert gdb.integer("$pc") == pc
            gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33

    def test_a_file_starts_another_machine_there(self):
        file = self.folder / "inside.snapshot"
        _, gdb = self.in_operation()
        assert str(file) in gdb.console(f"monitor snapshot save inside {file}")
        gdb.console("kill")
        vm = self.ringside(self.guest("hypervisor"), f"--restore={file}", gdb=None)
        assert vm.wait() == 33

    def test_going_back_is_refused_with_the_reason(self):
        _, gdb = self.in_operation()
        gdb.console("monitor record on")
        gdb.run("stepi")
        pc = gdb.integer("$pc")
        assert "VMX or SVM" in gdb.console("monitor goto start")
        assert gdb.integer("$pc") == pc
