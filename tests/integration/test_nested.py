"""What the monitor shows of a guest that is a hypervisor, and says of one that is not."""

import re

from tests.harness.case import RingsideTest


class TestAnOrdinaryGuest(RingsideTest):
    def test_the_monitor_says_why_there_is_no_vmcs(self):
        _, gdb = self.attached("demo64", "--append=rounds=1")
        assert re.search("has not executed VMXON|VMCBs instead|runs no hypervisors as guests", gdb.console("monitor vmcs"))
        assert re.search("does not run a guest's guest|VMCSs instead|runs no hypervisors as guests", gdb.console("monitor vmcb"))

    def test_a_vmcb_is_shown_only_where_one_can_be(self):
        _, gdb = self.attached("demo64", "--append=rounds=1")
        assert "a multiple of 0x1000" in gdb.console("monitor vmcb 0x100001")
        assert "there is no RAM" in gdb.console("monitor vmcb 0xfffff000")
        assert "EXIT_CODE" in gdb.console("monitor vmcb 0x100000")
        assert "no field's name contains" in gdb.console("monitor vmcb 0x100000 nonsense")
