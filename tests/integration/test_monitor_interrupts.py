"""The interrupt controllers as the monitor shows them, compared with what the guest has read from them itself."""

import json

import pytest

from tests.harness.case import RingsideTest

NAMES = ["CMCI", "timer", "thermal", "performance", "LINT0", "LINT1", "error"]
LOCAL_VECTORS = dict(zip(NAMES, [0x2f0, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370]))


class TestInterruptControllers(RingsideTest):
    @pytest.fixture(autouse=True)
    def ready(self, clean_up) -> None:
        _, self.gdb_session = self.attached("chips")
        self.gdb_session.console("break ready")
        self.gdb_session.run("continue")

    def ask(self, command: str) -> dict:
        return json.loads(self.gdb_session.console(f"monitor {command} --json"))

    def seen(self, what: str) -> int:
        return self.gdb_session.integer(f"seen.{what}")

    def local_register(self, offset: int) -> int:
        return self.seen(f"local_apic[{offset // 16}]")

    def test_local_apic(self):
        shown = self.ask("lapic")
        for name, offset in [("version", 0x30), ("task_priority", 0x80), ("processor_priority", 0xa0),
                             ("logical_destination", 0xd0), ("destination_format", 0xe0), ("spurious_vector", 0xf0),
                             ("timer_initial", 0x380)]:
            assert shown[name] == self.local_register(offset), name
        assert shown["id"] == self.local_register(0x20) >> 24
        assert shown["base"] == self.seen("apic_base") & ~0xfff
        assert shown["enabled"] and shown["timer_mode"] == "periodic" and shown["timer_divisor"] == 1

    def test_local_vector_table(self):
        entries = {entry["source"]: entry for entry in self.ask("lapic")["local_vectors"]}
        for name, offset in LOCAL_VECTORS.items():
            if name in entries or name != "CMCI":  # older local APICs do not have it
                assert entries[name]["raw"] == self.local_register(offset), name
        assert entries["LINT0"]["delivery"] == "ExtINT" and entries["LINT0"]["masked"]
        assert entries["LINT1"]["delivery"] == "NMI" and not entries["LINT1"]["masked"]
        assert entries["timer"]["vector"] == 0x41

    def test_io_apic(self):
        pins = self.ask("ioapic")["pins"]
        assert [pin["raw"] for pin in pins] == [self.seen(f"redirection[{pin}]") for pin in range(24)]
        assert pins[9]["vector"] == 0x49 and pins[9]["logical"] and pins[9]["trigger"] == "level, active low"
        assert pins[10]["delivery"] == "NMI"

    def test_8259s(self):
        chips = self.ask("pic")["8259a"]
        for number, chip in enumerate(chips):
            assert chip["vector_base"] == 0x20 + 8 * number
            assert chip["in_service"] == self.seen(f"pic_in_service[{number}]")
        assert [self.seen("pic_masks[0]"), self.seen("pic_masks[1]")] == [0xf7, 0xef]
        assert [chip["masked"] for chip in chips] == [0xff, 0xff], "the guest masks everything after it has looked"

    def test_8254(self):
        channel = self.ask("pit")["8254_channels"][0]
        assert channel["reload"] == 0x2e9c
        assert (self.seen("pit_status") >> 1 & 7, channel["mode"]) == (3, "square wave")

    @pytest.mark.parametrize("command", ["lapic", "ioapic", "pic", "pit"])
    def test_words_that_are_one_too_many(self, command):
        answer = self.gdb_session.console(f"monitor {command} much")
        assert '"much" is one too many' in answer and f"Usage: monitor {command}" in answer

    def test_a_vcpu_that_is_not_there(self):
        assert "a number from 0 to 0 must follow" in self.gdb_session.console("monitor lapic vcpu 1")
