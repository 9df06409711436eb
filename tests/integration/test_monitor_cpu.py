"""Descriptor tables, MSRs and CPUID as the monitor shows them, compared with what the guest has read from them itself."""

import json
import re

import pytest

from tests.harness.case import RingsideTest


class TestCpuCommands(RingsideTest):
    @pytest.fixture(autouse=True)
    def ready(self, clean_up) -> None:
        _, self.session = self.attached("chips")
        self.session.console("break ready")
        self.session.run("continue")

    def say(self, command: str) -> str:
        return self.session.console(f"monitor {command}")

    def ask(self, command: str) -> dict:
        return json.loads(self.say(f"{command} --json"))

    def seen(self, what: str) -> int:
        return self.session.integer(f"seen.{what}")

    def test_idt(self):
        shown = self.ask("idt")
        assert (shown["base"], shown["limit"]) == (self.seen("idt.base"), self.seen("idt.limit"))
        gates = {gate["vector"]: gate for gate in shown["gates"]}
        for vector in (3, 14, 0x34):
            assert gates[vector]["offset"] == self.session.integer(f"(char*)&interrupt_stubs + {vector} * 16")
            assert (gates[vector]["kind"], gates[vector]["selector"]) == ("interrupt", 8)
        assert 0x50 not in gates

    def test_one_gate(self):
        assert [gate["vector"] for gate in self.ask("idt 14")["gates"]] == [14]
        assert not self.ask("idt 0x50")["gates"][0]["present"]

    def test_gdt(self):
        shown = self.ask("gdt")
        assert (shown["base"], shown["limit"]) == (self.seen("gdt.base"), self.seen("gdt.limit"))
        kinds = {row["selector"]: row["kind"] for row in shown["descriptors"]}
        assert kinds[8] == "code, execute/read, 64-bit"
        assert kinds[self.seen("task_selector")] == "64-bit TSS, busy"

    def test_tss(self):
        shown = self.ask("tss")
        assert shown["selector"] == self.seen("task_selector")
        assert shown["base"] == self.session.integer("&task_state")
        assert shown["stack_0"] == self.session.integer("&boot_stack_top")
        assert shown["ist_3"] == 0x123450

    @pytest.mark.parametrize(("name", "field"), [("LSTAR", "lstar"), ("ia32_star", "star"), ("0x277", "pat"),
                                                 ("apic_base", "apic_base")])
    def test_msr(self, name, field):
        assert self.ask(f"msr {name}")["msrs"][0]["value"] == self.seen(field)

    def test_msrs_that_the_guest_has_read(self):
        shown = {row["index"]: row["value"] for row in self.ask("msr")["msrs"]}
        count = self.session.integer("sizeof seen.msrs / sizeof seen.msrs[0]")
        read = {self.seen(f"msrs[{i}].number"): self.seen(f"msrs[{i}].value") for i in range(count)}
        assert len(read) == count > 10
        assert {number: shown.get(number) for number in read} == read

    def test_msr_that_is_written_shows_in_gdb(self):
        before = self.session.integer("$lstar")
        self.say("msr LSTAR =0x123000")
        self.session.console("maint flush register-cache")
        assert (before, self.session.integer("$lstar")) == (self.seen("lstar"), 0x123000)

    def test_all_named_msrs(self):
        names = [row["name"] for row in self.ask("msr")["msrs"]]
        assert "IA32_LSTAR" in names and "IA32_EFER" in names

    def test_cpuid(self):
        leaf = self.ask("cpuid 0")["leaves"][0]
        assert [leaf[name] for name in ("ebx", "ecx", "edx")] == [self.seen(f"cpuid_vendor[{i}]") for i in (1, 2, 3)]
        assert leaf["text"] in ("GenuineIntel", "AuthenticAMD")
        assert self.ask("cpuid 1")["leaves"][0]["eax"] == self.seen("cpuid_version[0]")

    def test_every_leaf_of_cpuid(self):
        shown = {(row["leaf"], row["subleaf"] or 0): row for row in self.ask("cpuid")["leaves"]}
        count = self.seen("leaf_count")
        assert count > 10
        for i in range(count):
            leaf = self.seen(f"leaves[{i}].leaf")
            row = shown.get((leaf, 0))
            for name in ("eax", "ebx", "ecx", "edx"):
                value = row[name] if row else 0
                assert value == self.seen(f"leaves[{i}].{name}"), (hex(leaf), name)

    def test_control_registers(self):
        text = self.say("registers")
        for name in ("cr0", "cr2", "cr3", "cr4"):
            shown, = re.findall(rf"\b{name}\s+(?:0x)?([0-9a-f]+)", text)
            assert int(shown, 16) == self.seen(name), text

    def test_page_walk(self):
        shown = self.ask(f"translate {self.seen('walked'):#x}")
        assert [step["entry"] for step in shown["walk"]] == [self.seen(f"walk[{i}]") for i in range(self.seen("walk_length"))]
        mapping, = shown["mappings"]
        assert mapping["gpa"] == self.seen("walked") == self.session.integer("&seen")
        page, = [row for row in self.ask("vmmap")["ranges"] if row["first"] <= mapping["gpa"] <= row["last"]]
        assert page["access"] == "rwx-"

    @pytest.mark.parametrize(("command", "sentence"), [
        ("registers some", '"some" is not known'), ("registers all some", '"some" is one too many'),
        ("registers --json", "no JSON form"), ("registers vcpu 1", "a number from 0 to 0 must follow"),
        ("translate", "it needs an address"), ("translate 0xffff800000000000", "is not present"), ("translate 1 2", '"2" is one too many'),
        ("idt 256", "vectors are from 0 to 255"), ("idt x", '"x" is not a vector'), ("gdt 8", '"8" is one too many'),
        ("msr NOTHING", "neither a known name nor"), ("msr LSTAR 5", '"5" is not a value to write'),
        ("msr 0x12345678", "does not have MSR 0x12345678"), ("msr 0x100000000", "neither a known name nor"),
        ("cpuid 0x12340000", "no such leaf"), ("cpuid one", '"one" is not a 32-bit number')])
    def test_wrong_arguments(self, command, sentence):
        assert sentence in self.say(command)


    @pytest.mark.parametrize("name", ["rsp", "pc", "cs", "cr3", "gs_base"])
    def test_registers_as_arguments(self, name):
        value = self.session.integer(f"${name}")
        assert self.say(f"translate ${name}") == self.say(f"translate {value:#x}")

    @pytest.mark.parametrize("name, sentence", [
        ("nothing", "there is no register of this name"), ("xmm0", "only general and system registers")])
    def test_registers_that_are_no_arguments(self, name, sentence):
        assert sentence in self.say(f"translate ${name}")


class TestTablesInOtherModes(RingsideTest):
    def test_registers_of_sixteen_bit_code(self):
        _, gdb = self.attached("hello16.bin", symbols="hello16.elf")
        assert gdb.console("monitor translate $eip") == gdb.console(f"monitor translate {gdb.integer('$eip'):#x}")

    def test_vectors_of_real_mode(self):
        _, gdb = self.attached("hello16.bin", symbols="hello16.elf")
        vectors = json.loads(gdb.console("monitor idt 8 --json"))["vectors"]
        gdb.console("set architecture i8086")
        assert vectors == [{"vector": 8, "segment": gdb.integer("*(unsigned short*)34"),
                            "offset": gdb.integer("*(unsigned short*)32")}]

    def test_no_task_register(self):
        _, gdb = self.attached("hello16.bin", symbols="hello16.elf")
        assert "null selector" in gdb.console("monitor tss")
