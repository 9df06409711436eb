"""What the monitor shows of a guest that is a hypervisor, and says of one that is not."""

import json
import re
import struct

import pytest

from tests.harness.case import RingsideTest

GROUPS = ("guest-state_area", "host-state_area", "control_fields", "exit-information_fields")
VMX = "hypervisor: VMX"
SVM = "hypervisor: SVM"

# Broken fields with which this emulated processor enters the guest all the same.
ACCEPTED = {"GUEST_RIP", "GUEST_DS_ACCESS_RIGHTS"}


class NestedTest(RingsideTest):
    def needs(self, kind: str) -> None:
        """Skips the test unless the processor offers its guests VMX, or SVM. The guest says so itself."""
        vm = self.ringside(self.guest("hypervisor"), "--append=rounds=0", gdb=None)
        vm.wait()
        if kind not in vm.stdout.text():
            pytest.skip(f"{kind.split()[-1]} is not to be had for guests here: {vm.stdout.text().strip()}")

    def hypervisor(self, kind: str, *options: str):
        """The hypervisor, and gdb attached to it before its first instruction."""
        self.needs(kind)
        return self.attached("hypervisor", *options)


class TestAnOrdinaryGuest(RingsideTest):
    def test_the_monitor_says_why_there_is_no_vmcs(self):
        _, gdb = self.attached("demo64", "--append=rounds=1")
        assert re.search("has not executed VMXON|VMCBs instead|runs no hypervisors as guests", gdb.console("monitor vmcs"))
        assert re.search("does not run a guest's guest|VMCSs instead|runs no hypervisors as guests",
                         gdb.console("monitor vmcb"))

    def test_a_vmcb_is_shown_only_where_one_can_be(self):
        _, gdb = self.attached("demo64", "--append=rounds=1")
        assert "a multiple of 0x1000" in gdb.console("monitor vmcb 0x100001")
        assert "there is no RAM" in gdb.console("monitor vmcb 0xfffff000")
        assert "EXIT_CODE" in gdb.console("monitor vmcb 0x100000")
        assert "no field's name contains" in gdb.console("monitor vmcb 0x100000 nonsense")


class TestVmcs(NestedTest):
    @staticmethod
    def shown(gdb) -> dict[int, int]:
        answer = json.loads(gdb.console("monitor vmcs --json"))
        return {row["field"]: row["value"] for group in GROUPS for row in answer[group]}

    @staticmethod
    def read_by_the_guest(gdb) -> dict[int, int]:
        count = gdb.integer("hypervisor::own_fields")
        address, size = gdb.integer("&hypervisor::own_vmcs"), gdb.integer("sizeof hypervisor::own_vmcs[0]")
        memory = gdb.command(f"-data-read-memory-bytes {address} {count * size}")["memory"][0]["contents"]
        return dict(struct.iter_unpack("<I4xQ", bytes.fromhex(memory)))

    def test_every_field_is_what_the_hypervisor_reads_itself(self):
        vm, gdb = self.hypervisor(VMX)
        gdb.console("break hypervisor::vmcs_is_ready")
        self.assert_breakpoint(gdb.run("continue"), "vmcs_is_ready")
        assert re.search(r"launch state +clear", gdb.console("monitor vmcs"))
        gdb.console("break hypervisor::handle")
        for reason in ("CPUID", "IO_INSTRUCTION", "HLT", "EPT_VIOLATION", "VMCALL"):
            self.assert_breakpoint(gdb.run("continue"), "handle")
            assert re.search(rf"EXIT_REASON .*\b{reason}\b", gdb.console("monitor vmcs EXIT_REASON"))
            own, shown = self.read_by_the_guest(gdb), self.shown(gdb)
            assert len(own) > 100
            assert {hex(field) for field in own} - {hex(field) for field in shown} == set()
            assert {hex(f): (v, shown[f]) for f, v in own.items() if shown[f] != v} == {}
        assert re.search(r"launch state +launched", gdb.console("monitor vmcs"))
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33
        assert "misses the page at 0x30000" in vm.stdout.text()

    def test_fields_are_in_words(self):
        _, gdb = self.hypervisor(VMX)
        gdb.console("break hypervisor::handle")
        gdb.run("continue")
        gdb.run("continue")
        assert "out 0x80, 1 byte" in gdb.console("monitor vmcs EXIT_QUALIFICATION")
        assert "HLT-exiting" in gdb.console("monitor vmcs PRIMARY_CONTROLS")
        assert "4-level table at" in gdb.console("monitor vmcs EPT_POINTER")
        assert "EPTP_INDEX" in gdb.console("monitor vmcs EPTP_INDEX")

    def test_the_processor_refuses_broken_fields(self):
        self.needs(VMX)
        vm = self.ringside(self.guest("hypervisor"), "--append=break=all", gdb=None)
        vm.wait()
        answers = dict(re.findall(r"(?m)^(\S+): (error \d+|entry failed, reason \d+|entered)\r?$", vm.stdout.text()))
        assert len(answers) > 64
        assert {name for name, answer in answers.items() if answer == "entered"} == ACCEPTED


class TestVmcb(NestedTest):
    def test_the_vmcb_is_what_the_hypervisor_wrote(self):
        vm, gdb = self.hypervisor(SVM)
        gdb.console("break svm_enter")
        self.assert_breakpoint(gdb.run("continue"), "svm_enter")
        shown = gdb.console("monitor vmcb " + hex(gdb.integer("$rsi")))
        assert re.search(r"INTERCEPTS_1 .* CPUID HLT \w+ SHUTDOWN\n", shown)
        assert re.search(rf"\bRIP +0x0*{gdb.integer('&l2_main'):x}\b", shown)
        assert re.search(r"NESTED_CONTROL .*\bNP\b", shown)
        assert "KVM says only then which VMCB is in use" in gdb.console("monitor vmcb")
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33
