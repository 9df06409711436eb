"""What a restore leaves in memory, against the whole memory as it was saved: no page that the guest, the debugger or a device has
written since may be missed, as only those are compared."""

import random
import zlib

import pytest

from tests.harness.case import RingsideTest

MIB = 1 << 20
SIZE = 16 * MIB
MEMORY = f"{SIZE // MIB}M"
UNUSED = range(8 * MIB, SIZE)  # by the guests
LOGGED = "KVM logs the pages"
COMPARED = "compares every page"


class TestMemory(RingsideTest):
    def save(self, gdb, name: str) -> None:
        assert f"Snapshot {name}" in gdb.console(f"monitor snapshot save {name}")
        self.saved[name] = self.content(gdb)

    def content(self, gdb) -> int:
        """A checksum: the memory itself is too long to show when two differ."""
        file = self.folder / "memory"
        assert "Wrote" in gdb.console(f"monitor pmemsave 0 {SIZE:#x} {file}")
        return zlib.crc32(file.read_bytes())

    def restore(self, gdb, name: str) -> None:
        assert "The machine is as in" in gdb.console(f"monitor snapshot restore {name}")
        for cache in ("register-cache", "dcache"):
            gdb.console(f"maintenance flush {cache}")
        assert self.content(gdb) == self.saved[name], name

    def scribble(self, gdb, dice: random.Random) -> None:
        for _ in range(3):
            assert "Wrote 2 bytes" in gdb.console(f"monitor phys write {dice.choice(UNUSED):#x} {dice.randrange(256):x} ee")

    def stopped_at(self, guest: str, place: str, *options: object):
        self.saved: dict[str, int] = {}
        vm, gdb = self.attached(guest, *options, memory=MEMORY)
        gdb.console(f"break {place}")
        gdb.run("continue")
        return vm, gdb

    def disk(self) -> str:
        image = self.folder / "disk.img"
        image.write_bytes(bytes(64 * 512))
        return f"--disk={image},overlay"

    @pytest.mark.parametrize(("guest", "place", "options"), [
        ("demo64", "report_round", ()), ("smp", "cpu_work", ("--cpus=2", "--append=cpus=2 rounds=1000")),
        ("virtio", "virtio::Driver::notify", ("--rng", "disk"))])
    def test_is_what_was_saved(self, guest, place, options):
        dice = random.Random(guest)
        _, gdb = self.stopped_at(guest, place, *(self.disk() if option == "disk" else option for option in options))
        self.save(gdb, "first")
        gdb.console("break guest::debug_exit")
        for _ in range(3):
            for _ in range(3):
                self.scribble(gdb, dice)
                if "debug_exit" not in gdb.run("continue")["frame"]["func"]:
                    self.scribble(gdb, dice)
            self.save(gdb, "second")
            self.scribble(gdb, dice)
            gdb.run("stepi")
            names = ["first", "second", "second", "first"]
            dice.shuffle(names)
            for name in names:
                self.restore(gdb, name)
                self.scribble(gdb, dice)
            self.restore(gdb, "first")
        assert LOGGED in gdb.console("monitor snapshot list")

    def test_is_what_was_saved_before_a_recording(self):
        _, gdb = self.stopped_at("demo64", "report_round")
        self.save(gdb, "first")
        gdb.console("monitor record on")
        gdb.run("continue")
        self.save(gdb, "recorded")
        self.restore(gdb, "first")
        gdb.run("continue")
        gdb.run("reverse-stepi")
        self.restore(gdb, "recorded")
        gdb.run("reverse-continue")
        gdb.console("monitor record off")
        for name in ("first", "recorded"):
            self.restore(gdb, name)
        gdb.run("continue")
        self.restore(gdb, "first")

    def test_is_what_was_saved_before_a_restart(self):
        _, gdb = self.stopped_at("demo64", "report_round")
        self.save(gdb, "first")
        assert LOGGED in gdb.console("monitor snapshot list")
        gdb.console("monitor system_reset")
        gdb.run("continue")
        for _ in range(2):
            self.restore(gdb, "first")
            gdb.run("continue")
        assert LOGGED in gdb.console("monitor snapshot list")

    def test_is_what_is_in_a_file(self):
        _, gdb = self.stopped_at("demo64", "report_round")
        file = self.folder / "first.snapshot"
        gdb.console(f"monitor snapshot save first {file}")
        self.saved[str(file)] = self.content(gdb)
        gdb.console("kill")
        _, gdb = self.attached("demo64", f"--restore={file}", memory=MEMORY)
        assert self.content(gdb) == self.saved[str(file)]
        gdb.console("break report_round")
        for _ in range(2):
            gdb.run("continue")
            self.restore(gdb, str(file))

    def test_of_others_is_compared_as_a_whole(self):
        """Another program may write to a file that is the guest's memory; dirty rings are for steps."""
        for options in ((f"--memory-file={self.folder / 'ram'}",), ("--record=1M",)):
            _, gdb = self.stopped_at("demo64", "report_round", *options)
            gdb.console("monitor record off")
            self.save(gdb, "first")
            assert COMPARED in gdb.console("monitor snapshot list")
            if "--record=1M" not in options:
                with (self.folder / "ram").open("r+b") as file:
                    file.seek(UNUSED[0])
                    file.write(b"other")
            gdb.run("continue")
            self.restore(gdb, "first")
            gdb.console("kill")

    def test_is_watched_until_the_last_is_deleted(self):
        _, gdb = self.stopped_at("demo64", "report_round")
        self.save(gdb, "first")
        self.save(gdb, "second")
        gdb.console("monitor snapshot delete first")
        gdb.run("continue")
        self.restore(gdb, "second")
        gdb.console("monitor snapshot delete second")
        assert LOGGED not in gdb.console("monitor snapshot list")
        gdb.run("continue")
        self.save(gdb, "third")
        gdb.run("continue")
        self.restore(gdb, "third")
