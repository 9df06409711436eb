"""What the monitor shows of a guest that is a hypervisor, and says of one that is not: its VMCS or VMCB."""

import json
import re
import struct
import subprocess
from pathlib import Path

import pytest

from tests.harness.case import RingsideTest
from tests.harness.gdb import GdbError
from tests.integration.nested_case import SVM, VMX, NestedTest

GROUPS = ("guest-state_area", "host-state_area", "control_fields", "exit-information_fields")
# Broken fields with which this emulated processor enters the guest all the same.
ACCEPTED = {"GUEST_RIP", "GUEST_DS_ACCESS_RIGHTS"}


class TestAnOrdinaryGuest(RingsideTest):
    def test_the_monitor_says_why_there_is_no_vmcs(self):
        _, gdb = self.attached("demo64", "--append=rounds=1")
        assert re.search("has not executed VMXON|VMCBs instead|runs no hypervisors as guests", gdb.console("monitor vmcs"))
        assert re.search("does not run a guest's guest|which uses VMCSs|runs no hypervisors as guests",
                         gdb.console("monitor vmcb"))

    def test_a_vmcb_is_shown_only_where_one_can_be(self):
        _, gdb = self.attached("demo64", "--append=rounds=1")
        assert "a multiple of 0x1000" in gdb.console("monitor vmcb 0x100001")
        assert "there is no RAM" in gdb.console("monitor vmcb 0xfffff000")
        assert "EXIT_CODE" in gdb.console("monitor vmcb 0x100000")
        assert "no field's name contains" in gdb.console("monitor vmcb 0x100000 nonsense")


class TestAnOrdinaryGuestOnIntel(NestedTest):
    def test_its_registers_and_its_last_exit_are_shown_as_fields(self):
        self.needs(VMX)
        _, gdb = self.attached("demo64", "--append=rounds=1")
        gdb.console("monitor catch io write")
        gdb.run("continue")
        shown = gdb.console("monitor vmcs")
        assert "from the tracepoint kvm:kvm_exit" in shown
        assert re.search(r"EXIT_REASON .*IO_INSTRUCTION", shown)
        assert re.search(r"EXIT_QUALIFICATION .*out 0x", shown)
        assert re.search(rf"GUEST_CR3 +0x0*{gdb.integer('$cr3'):x}\b", shown)
        assert re.search(r"KVM does not tell: .*EPT_POINTER", shown)


# Every command about hypervisors, with arguments with which it could have something to do.
COMMANDS = ("vmcs", "vmcs GUEST_RIP", "vmcs check", "vmcs diff", "vmcs list", "vmcs write GUEST_RIP 0x1000", "vmcb", "vmcb RIP",
            "vmcb check", "vmcb check 0x100000", "vmcb diff", "vmcb diff 0x100000", "vmcb list", "vmcb write 0x100000 RIP 0x1000")
# And those that wait for what such a guest does, or count it.
WAITING = ("until vm-exit", "until vm-entry", "catch l2-exit", "catch vm-entry", "catch vm-exit", "catch vm-entry-failure", "exits l2")
CANNOT_COME = re.compile("on neither Intel VMX nor AMD SVM|A host with Intel VMX or AMD SVM is needed")


class TestAKvmWithoutNestedState(RingsideTest):
    def on_such_a_host(self):
        _, gdb = self.attached("demo64", "--append=rounds=1")
        if "runs no hypervisors as guests" not in gdb.console("monitor vmcs"):
            pytest.skip("this host's KVM has nested states")
        return gdb

    def test_each_command_says_so(self):
        gdb = self.on_such_a_host()
        answers = {command: gdb.console(f"monitor {command}") for command in COMMANDS}
        assert {command: answer for command, answer in answers.items() if "runs no hypervisors as guests" not in answer} == {}

    def test_nothing_is_waited_for_that_cannot_come(self):
        gdb = self.on_such_a_host()
        answers = {command: gdb.console(f"monitor {command}") for command in WAITING}
        assert {command: answer for command, answer in answers.items() if not CANNOT_COME.search(answer)} == {}

    @pytest.mark.full_gdb
    def test_gdbs_own_functions_say_so(self):
        gdb = self.on_such_a_host()
        self.source_script(gdb)
        for expression in ('$_vmcs("GUEST_RIP")', '$_vmcb("RIP")'):
            with pytest.raises(GdbError, match="runs no hypervisors as guests"):
                gdb.evaluate(expression)

    def test_there_is_one_level(self):
        gdb = self.on_such_a_host()
        assert "not a VM entry" in gdb.console("monitor step over-guest")
        assert "no known guest's guest (L2)" in gdb.console("monitor level l2")
        assert "here L1's" in gdb.console("monitor level")


# As the lab loads it, and reads it from when it is to be another one.
MODULES = Path("/lab/modules")


class TestADriverWithoutNested(RingsideTest):
    """KVM has nested states, but the module was loaded with nested=0."""

    @pytest.fixture(scope="class", autouse=True)
    def driver(self):
        if not MODULES.is_dir():
            pytest.skip("the module of a host's KVM is not loaded anew for a test: the lab's is")
        module, = (path for path in MODULES.glob("*-kvm-*.ko"))
        name = module.stem.partition("-")[2].replace("-", "_")
        subprocess.run(["rmmod", name], check=True)
        subprocess.run(["insmod", module, "nested=0"], check=True)
        yield
        subprocess.run(["rmmod", name], check=True)
        subprocess.run(["insmod", module], check=True)

    def test_nothing_is_waited_for_that_cannot_come(self):
        _, gdb = self.attached("demo64", "--append=rounds=1")
        answers = {command: gdb.console(f"monitor {command}") for command in WAITING}
        assert {command: answer for command, answer in answers.items() if "with nested=1" not in answer} == {}
        assert "none" in gdb.console("monitor exits list")

    def test_an_ordinary_vcpu_is_shown_all_the_same(self):
        _, gdb = self.attached("demo64", "--append=rounds=1")
        shown = gdb.console("monitor vmcs"), gdb.console("monitor vmcb")
        on_intel = f"GUEST_RIP +0x0*{gdb.integer('$rip'):x}\\b", "which uses VMCSs"
        on_amd = "VMCBs instead", "does not run a guest's guest"
        assert any(all(map(re.search, words, shown)) for words in (on_intel, on_amd)), shown


class TestARefusedEntry(NestedTest):
    """Of Ringside's own guest: a processor that runs guests without paging refuses a base that is not canonical."""

    def test_the_stop_names_the_register_and_the_rule(self):
        self.needs(VMX)
        _, gdb = self.attached("demo64", "--append=rounds=1")
        gdb.console("break guest_main")
        self.assert_breakpoint(gdb.run("continue"), "guest_main")
        assert "broken rules: none" in gdb.console("monitor vmcs check")
        gdb.console("set $fs_base = 0x0000900000000000")
        assert re.search("GUEST_FS_BASE .*must be canonical", gdb.console("monitor vmcs check"))
        gdb.run("continue")
        assert "GUEST_FS_BASE = 0x900000000000 must be canonical (SDM volume 3, 27.3.1.2)" in gdb.printed()
        assert "must be canonical" in gdb.console("monitor fatal")


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
        assert "not known, because KVM does not keep them: EPTP_INDEX" in gdb.console("monitor vmcs EPTP_INDEX")

    @pytest.mark.full_gdb
    def test_differences_and_gdbs_own_function(self):
        _, gdb = self.hypervisor(VMX)
        self.source_script(gdb)
        gdb.console("break hypervisor::handle")
        gdb.run("continue")
        assert "no VMCS was current at the last stop" in gdb.console("monitor vmcs diff")
        assert gdb.integer('$_vmcs("GUEST_RIP")') == gdb.integer("facts.instruction")
        gdb.run("continue")
        changed = gdb.console("monitor vmcs diff")
        assert re.search(r"EXIT_REASON +0x0000000a +0x0000001e +IO_INSTRUCTION", changed)
        assert "GUEST_CR3" not in changed
        assert gdb.console("monitor vmcs diff") == changed
        with pytest.raises(GdbError, match="fields match GUEST_CS"):
            gdb.evaluate('$_vmcs("GUEST_CS")')

    def test_the_processor_refuses_broken_fields(self):
        self.needs(VMX)
        vm = self.ringside(self.guest("hypervisor"), "--append=break=all", gdb=None)
        vm.wait()
        answers = dict(re.findall(r"(?m)^(\S+): (error \d+|entry failed, reason \d+|entered)\r?$", vm.stdout.text()))
        assert len(answers) > 64
        assert {name for name, answer in answers.items() if answer == "entered"} == ACCEPTED


class TestVmcb(NestedTest):
    @pytest.mark.full_gdb
    def test_the_vmcb_is_what_the_hypervisor_wrote(self):
        vm, gdb = self.hypervisor(SVM)
        gdb.console("break svm_enter")
        self.assert_breakpoint(gdb.run("continue"), "svm_enter")
        shown = gdb.console("monitor vmcb " + hex(gdb.integer("$rsi")))
        assert re.search(r"INTERCEPTS_1 .* CPUID HLT \w+ SHUTDOWN\n", shown)
        assert re.search(rf"\bRIP +0x0*{gdb.integer('&l2_main'):x}\b", shown)
        assert re.search(r"NESTED_CONTROL .*\bNP\b", shown)
        assert "KVM says only then which VMCB is in use" in gdb.console("monitor vmcb")
        self.source_script(gdb)
        assert gdb.integer('$_vmcb("RIP", $rsi)') == gdb.integer("&l2_main")
        with pytest.raises(GdbError, match="fields match CS_"):
            gdb.evaluate('$_vmcb("CS_", $rsi)')
        with pytest.raises(GdbError, match="KVM says only then which VMCB"):
            gdb.evaluate('$_vmcb("RIP")')
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33


class TestVmcbDiff(NestedTest):
    def test_shows_what_has_changed_since_the_last_stop(self):
        vm, gdb = self.hypervisor(SVM, "--append=rounds=3")
        gdb.console("break svm_enter")
        self.assert_breakpoint(gdb.run("continue"), "svm_enter")
        address = hex(gdb.integer("$rsi"))
        assert "no vCPU was seen to use this VMCB" in gdb.console(f"monitor vmcb diff {address}")
        assert "KVM says only then which VMCB" in gdb.console("monitor vmcb diff")
        assert "is not an address" in gdb.console("monitor vmcb diff nonsense")
        gdb.console("delete")
        for command in ("until vm-entry", "until vm-exit"):
            gdb.console(f"monitor {command}")
            gdb.run("continue")
        changed = gdb.console(f"monitor vmcb diff {address}")
        assert re.search(r"EXIT_CODE +0x0+ +0x0*72 +CPUID", changed)
        assert "CR3" not in changed
        gdb.console("monitor until vm-entry")
        gdb.run("continue")
        changed = gdb.console("monitor vmcb diff")  # L2 runs with it
        assert re.search(rf"\bRIP +0x0*{gdb.integer('$pc') - 2:x} +0x0*{gdb.integer('$pc'):x}\b", changed)
        gdb.start("continue")
        assert vm.wait() == 33


class TestVmcbCheck(NestedTest):
    # Broken fields with which this KVM and the emulated processor enter the guest all the same.
    ACCEPTED = {"TLB_CONTROL", "G_PAT"}
    # The exit clears it: it cannot be checked any more. And an interrupt of the host can end an entry before the processor has looked at
    # it: then KVM drops an event of a type that it does not know, and the next entry is accepted.
    CLEARED = "EVENT_INJECTION"

    def test_names_the_field_for_every_way_to_break_a_vmcb_that_the_processor_refuses(self):
        vm, gdb = self.hypervisor(SVM, "--append=break=all")
        gdb.console("break hypervisor::vmrun_refused")
        address = gdb.integer("&hypervisor::vmcb")
        wrong, names = {}, []
        stop = gdb.run("continue")
        while stop["reason"] == "breakpoint-hit":
            name = re.search(r'"(.*)"', gdb.evaluate("name"))[1]
            answer = json.loads(gdb.console(f"monitor vmcb check {address:#x} --json"))
            field = name.partition(".")[0]
            if field != self.CLEARED and field not in {row["field"] for row in answer["broken_rules"]}:
                wrong[name] = answer
            names.append(name)
            stop = gdb.run("continue")
        assert wrong == {}
        assert vm.wait() is not None
        entered = set(re.findall(r"(?m)^(\S+): entered\r?$", vm.stdout.text()))
        assert {name.partition(".")[0] for name in entered} - {self.CLEARED} == self.ACCEPTED
        assert len(names) + len(entered) > 64

    def test_a_good_vmcb_breaks_no_rule(self):
        _, gdb = self.hypervisor(SVM)
        gdb.console("break svm_enter")
        self.assert_breakpoint(gdb.run("continue"), "svm_enter")
        assert "broken rules: none" in gdb.console("monitor vmcb check $rsi")
        assert "KVM says only then which VMCB" in gdb.console("monitor vmcb check")
        assert "is not an address" in gdb.console("monitor vmcb check nonsense")
        assert "multiple of 0x1000" in gdb.console("monitor vmcb check 0x1001")


class TestWriting(NestedTest):
    def test_a_field_is_written_and_the_guest_reads_it(self):
        vm, gdb = self.hypervisor(VMX)
        gdb.console("break hypervisor::handle")
        self.assert_breakpoint(gdb.run("continue"), "handle")
        rip = gdb.integer("facts.instruction")
        assert re.search("GUEST_DR7 +0x0000000000000455", gdb.console("monitor vmcs write GUEST_DR7 0x455"))
        assert "read-only" in gdb.console("monitor vmcs write EXIT_REASON 1")
        assert "there is no field" in gdb.console("monitor vmcs write NONSENSE 1")
        assert "does not fit" in gdb.console("monitor vmcs write GUEST_CS_SELECTOR 0x12345")
        assert "is not a number" in gdb.console("monitor vmcs write GUEST_RIP x")
        broken = gdb.console("monitor vmcs write HOST_RIP 0x8000000000000000")
        assert "VM entry with this VMCS ends with VM-instruction error 8" in broken
        gdb.console(f"monitor vmcs write HOST_RIP {gdb.integer('&vmx_exit')}")
        self.assert_breakpoint(gdb.run("continue"), "handle")
        own = TestVmcs.read_by_the_guest(gdb)
        assert own[0x681a] == 0x455
        assert own[0x681e] != rip
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33

    def test_nothing_is_written_while_the_inner_guest_runs(self):
        _, gdb = self.hypervisor(VMX)
        gdb.console("break hypervisor::l2_round")
        self.assert_breakpoint(gdb.run("continue"), "l2_round")
        assert "by leaving L2" in gdb.console("monitor vmcs write GUEST_RIP 0x40000000")
        assert gdb.integer("$pc") >> 12 == 0x40000

    def test_the_list_has_the_vmcs_that_was_current(self):
        _, gdb = self.hypervisor(VMX)
        assert "VMCSs: none" in gdb.console("monitor vmcs list")
        gdb.console("break hypervisor::handle")
        gdb.run("continue")
        address = json.loads(gdb.console("monitor vmcs --json"))["address"]
        shown = gdb.console("monitor vmcs list")
        assert re.search(rf"{address:#x} +0 +1 +current +launched .* CPUID", shown)
        assert "which uses VMCBs" in gdb.console("monitor vmcb list") or "which uses VMCSs" in gdb.console("monitor vmcb list")

    def test_a_vmcb_is_written_in_memory(self):
        vm, gdb = self.hypervisor(SVM)
        gdb.console("break svm_enter")
        self.assert_breakpoint(gdb.run("continue"), "svm_enter")
        address = hex(gdb.integer("$rsi"))
        assert re.search("LSTAR +0x0*1234", gdb.console(f"monitor vmcb write {address} LSTAR 0x1234"))
        assert gdb.integer(f"*(unsigned long*)({address} + 0x608)") == 0x1234
        assert "fields match" in gdb.console(f"monitor vmcb write {address} CS_ 1")
        assert "does not fit" in gdb.console(f"monitor vmcb write {address} CPL 0x100")
        assert "multiple of 0x1000" in gdb.console("monitor vmcb write 0x1001 CPL 0")
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33


class TestCheck(NestedTest):
    STAGES = {"7": "VM-instruction error 7", "8": "VM-instruction error 8", "33": "reason 33"}

    def test_names_the_field_and_the_answer_of_the_processor_for_every_way_to_break_a_vmcs(self):
        vm, gdb = self.hypervisor(VMX, "--append=break=all")
        gdb.console("break hypervisor::refused")
        wrong, names = {}, []
        stop = gdb.run("continue")
        while stop["reason"] == "breakpoint-hit":
            name = re.search(r'"(.*)"', gdb.evaluate("name"))[1]
            answer = json.loads(gdb.console("monitor vmcs check --json"))
            said = " ".join(answer["notes"])
            fields = {row["field"] for row in answer["broken_rules"]}
            if self.STAGES[str(gdb.integer("number"))] not in said or name.partition(".")[0] not in fields:
                wrong[name] = (gdb.integer("number"), answer)
            names.append(name)
            stop = gdb.run("continue")
        assert len(names) > 64
        assert wrong == {}
        vm.wait()

    def test_a_good_vmcs_breaks_no_rule(self):
        _, gdb = self.hypervisor(VMX)
        gdb.console("break hypervisor::vmcs_is_ready")
        gdb.run("continue")
        assert "broken rules: none" in gdb.console("monitor vmcs check")
