"""Physical memory, ports and code through the monitor, compared with gdb's own view of the guest."""

import os

import pytest

from tests.harness.case import RingsideTest


class TestPhysicalMemory(RingsideTest):
    @pytest.fixture(autouse=True)
    def start(self, clean_up) -> None:
        self.vm, self.session = self.attached("demo64", "--append=rounds=20")
        self.session.console("break report_round")
        self.session.run("continue")

    def say(self, command: str) -> str:
        return self.session.console(f"monitor {command}")

    def test_xp_shows_what_gdb_shows(self):
        address = self.session.integer("&report_round")  # mapped onto itself
        text = self.say(f"xp /4xb {address:#x}")
        assert text.split(":")[1].split() == self.session.console("x/4xb report_round").split(":")[1].split()

    def test_breakpoints_do_not_show(self):
        self.session.console("set breakpoint always-inserted on")
        address = self.session.integer("&report_round")
        assert "0xcc" not in self.say(f"phys read {address:#x} 16")
        saved = self.folder / "memory"
        self.say(f"pmemsave {address:#x} 16 {saved}")
        shown = [word for word in self.say(f"phys read {address:#x} 16").split() if word.startswith("0x")]
        assert [f"{byte:#04x}" for byte in saved.read_bytes()] == shown

    @pytest.mark.parametrize("command", ["pmemsave 0 16 {}", "dump {}", "gdb-script {}", "snapshot save here {}"])
    def test_files_are_written_where_files_may_be(self, command):
        os.mkfifo(self.folder / "pipe")  # a writer would wait for its reader
        (self.folder / "link").symlink_to("/dev/null")
        for path in (self.folder, self.folder / "pipe", self.folder / "link", "/dev/full"):
            assert "what is there is not a regular file" in self.say(command.format(path)), path
        assert (self.folder / "pipe").is_fifo() and (self.folder / "link").is_char_device()

    def test_what_is_written_is_there(self):
        address = self.session.integer("&rounds_done")
        assert "Wrote 2 bytes" in self.say(f"phys write {address:#x} 34 0x12")
        self.session.console("maint flush dcache")
        assert self.session.integer("rounds_done") & 0xffff == 0x1234

    @pytest.mark.parametrize(("command", "sentence"), [
        ("xp", "a guest-physical address is missing"), ("xp /4q 0", "'q' is neither a format"), ("xp 0x4000000", "there is no RAM"),
        ("phys read 0 x", '"x" is not a number'), ("phys read 0x3fffff0 32", "the memory ends at 0x4000000"),
        ("phys write 0", "the bytes are missing"), ("phys write 0 100", '"100" is not a byte'),
        ("phys write 0x4000000 1", "there is no RAM"), ("pmemsave 0 16", "the file is missing"),
        ("pmemsave 0 16 /nonexistent/file", "No such file"), ("pmemsave 0x3fffff0 32 /nonexistent/x", "there is no RAM or ROM"),
        ("port read 0x20", "in the host's kernel"), ("port read 0x999", "there is no device"), ("port read", "a port from 0"),
        ("port read 0x3f8 q", '"q" is not a size'), ("port write 0x3f8 256", "the value must have 8 bits"), ("disas x", "neither a linear"),
        ("disas 0 0", "is not a number from 1"), ("disas 0xffff800000000000", "failed")])
    def test_wrong_arguments(self, command, sentence):
        assert sentence in self.say(command)

    def test_ports(self):
        assert "port 0x3fd = 0x60" in self.say("port read 0x3fd"), "the transmitter is empty"
        self.say("port write 0x3f8 0x2a")
        self.vm.serial(r"\*")


class TestDisassembly(RingsideTest):
    def test_follows_the_mode(self):
        _, gdb = self.attached("hello16.bin", symbols="hello16.elf")
        text = gdb.console("monitor disas")
        assert "real mode" in text and "=>" in text
        assert f"0000:{gdb.integer('$eip') & 0xffff:04x}" in text
        _, gdb = self.attached("demo64", "--append=rounds=20")
        assert "32-bit protected mode" in gdb.console("monitor disas")
        gdb.console("break report_round")
        gdb.run("continue")
        text = gdb.console("monitor disas")
        assert "64-bit mode" in text and "rbp" in text

    def test_segment_and_offset(self):
        _, gdb = self.attached("hello16.bin", symbols="hello16.elf")
        there, linear = gdb.console("monitor disas 0x7c0:0 1"), gdb.console("monitor disas 0x7c00 1")
        assert "07c0:0000" in there and "0000:7c00" in linear
        assert there.replace("07c0:0000", "0000:7c00") == linear
