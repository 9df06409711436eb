"""Snapshots in memory: a machine that is put back is the one that was saved, and runs on as that one did."""

import json
import re

from tests.harness.case import RingsideTest


class TestSnapshots(RingsideTest):
    def stopped_in_round(self, number: int, *options: object):
        vm, gdb = self.attached("demo64", *options)
        gdb.console(f"break report_round if round == {number}")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        gdb.console("delete")
        return vm, gdb

    def restore(self, gdb, name: str) -> str:
        answer = gdb.console(f"monitor snapshot restore {name}")
        gdb.console("maintenance flush register-cache")
        gdb.console("maintenance flush dcache")
        return answer

    def diff(self, gdb, name: str) -> dict:
        """Without the clock, which runs on."""
        found = json.loads(gdb.console(f"monitor snapshot diff {name} --json"))
        found["devices"] = [row for row in found["devices"] if row["name"] not in ("ACPI PM", "CMOS")]
        return found

    def test_the_machine_is_what_it_was(self):
        _, gdb = self.stopped_in_round(2)
        pc, registers = gdb.integer("$pc"), gdb.console("monitor registers all")
        assert f"vCPU 0 at {pc:#x}" in gdb.console("monitor snapshot save second")
        assert self.diff(gdb, "second") == {"registers": [], "devices": [], "disks": [], "memory": []}
        gdb.console("break report_round")
        for number in (3, 4, 5):
            gdb.run("continue")
            assert gdb.integer("round") == number
        gdb.run("stepi")
        gdb.console("delete")
        gdb.console("break report_round if round == 3")
        changed = self.diff(gdb, "second")
        assert "rip" in [row["name"] for row in changed["registers"]]
        assert changed["memory"]
        for _ in range(3):
            assert "restored" in self.restore(gdb, "second")
            assert self.diff(gdb, "second") == {"registers": [], "devices": [], "disks": [], "memory": []}
            assert gdb.integer("$pc") == pc
            assert gdb.integer("rounds_done") == 2
            assert self.without_time(gdb.console("monitor registers all")) == self.without_time(registers)
            self.assert_breakpoint(gdb.run("continue"), "report_round")
            assert gdb.integer("round") == 3

    def without_time(self, registers: str) -> str:
        return re.sub(r"\btsc +[0-9a-f]+", "", registers)

    def to_the_end_twice(self, vm, gdb, snapshot: str) -> None:
        gdb.console("break guest::debug_exit")
        self.assert_breakpoint(gdb.run("continue"), "debug_exit")
        self.restore(gdb, snapshot)
        self.assert_breakpoint(gdb.run("continue"), "debug_exit")
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33

    def test_the_guest_does_the_same_again(self):
        vm, gdb = self.stopped_in_round(2, "--append=rounds=4")
        gdb.console("monitor snapshot save second")
        self.to_the_end_twice(vm, gdb, "second")
        lines = re.findall(r"round ([234]): (.*)", vm.stdout.text())
        assert [number for number, _ in lines] == ["2", "3", "4", "2", "3", "4"]
        assert lines[:3] == lines[3:]

    def test_one_that_is_dead_lives_again(self):
        for end, status in (("triple", "SIGSEGV"), ("reset", "SIGTRAP")):
            _, gdb = self.stopped_in_round(1, f"--append=rounds=2 end={end}")
            gdb.console("monitor snapshot save alive")
            for _ in range(2):
                assert gdb.run("continue")["signal-name"] == status
                self.restore(gdb, "alive")
                assert gdb.integer("rounds_done") == 1
                gdb.run("stepi")
            gdb.console("kill")

    def test_with_several_vcpus(self):
        vm, gdb = self.attached("smp", "--cpus=2", "--append=cpus=2 rounds=20")
        gdb.console("break cpu_work")
        gdb.run("continue")
        gdb.console("delete")
        gdb.console("monitor snapshot save working")
        self.to_the_end_twice(vm, gdb, "working")

    def test_breakpoints_are_no_part_of_it(self):
        _, gdb = self.stopped_in_round(1)
        gdb.console("set breakpoint always-inserted on")
        gdb.console("break report_round")
        gdb.console("monitor snapshot save first")
        gdb.console("delete")
        assert self.diff(gdb, "first")["memory"] == []
        gdb.console("break report_round")
        self.restore(gdb, "first")
        self.assert_breakpoint(gdb.run("continue"), "report_round")
        assert gdb.integer("round") == 2

    def test_a_restore_is_part_of_a_recording(self):
        _, gdb = self.stopped_in_round(1)
        gdb.console("monitor snapshot save first")
        gdb.console("break report_round")
        gdb.run("continue")
        gdb.console("monitor record on")
        gdb.run("stepi")
        before = gdb.integer("$pc")
        gdb.run("stepi")
        self.restore(gdb, "first")
        assert gdb.integer("rounds_done") == 1
        gdb.run("reverse-stepi")
        assert gdb.integer("$pc") == before
        assert gdb.integer("rounds_done") == 2

    def test_a_file_starts_another_machine_there(self):
        file = self.folder / "second.snapshot"
        _, gdb = self.stopped_in_round(2, "--append=rounds=4")
        assert str(file) in gdb.console(f"monitor snapshot save second {file}")
        pc = gdb.integer("$pc")
        gdb.console("kill")
        vm, gdb = self.attached("demo64", f"--restore={file}")
        assert gdb.integer("$pc") == pc
        assert gdb.integer("rounds_done") == 2
        gdb.start("continue")
        assert vm.wait() == 33
        assert re.findall(r"round (\d)", vm.stdout.text()) == ["2", "3", "4"]
        vm = self.ringside(self.guest("demo64"), f"--restore={file}", gdb=None)
        assert vm.wait() == 33

    def test_files_that_do_not_fit_are_refused(self):
        file = self.folder / "some.snapshot"
        _, gdb = self.attached("demo64")
        gdb.console(f"monitor snapshot save some {file}")
        assert "write" in gdb.console("monitor snapshot save some /nowhere/at/all")
        gdb.console("kill")
        whole = file.read_bytes()
        for content, answer in ((b"", "0 bytes"), (whole[:1000], "cut short"), (whole[:-1], "cut short"),
                                (bytes(5000), "no snapshot"), (whole[:5000] + b"?" + whole[5001:], "damaged")):
            file.write_bytes(content)
            vm = self.ringside(self.guest("demo64"), f"--restore={file}", gdb=None)
            assert vm.wait() == 1
            assert answer in vm.stderr.text()
        file.write_bytes(whole)
        for option, memory, answer in (("--cpus=2", "64M", "1 vCPUs, and this one 2 vCPUs"),
                                       ("--cpus=1", "32M", "64 MiB of RAM, and this one 32 MiB")):
            vm = self.ringside(self.guest("demo64"), f"--restore={file}", option, memory=memory, gdb=None)
            assert vm.wait() == 1
            assert answer in vm.stderr.text(), vm.stderr.text()
        vm = self.ringside(self.guest("demo64"), "--restore=/nowhere", gdb=None)
        assert vm.wait() == 1

    def test_they_are_listed_and_deleted(self):
        _, gdb = self.attached("demo64")
        assert "none" in gdb.console("monitor snapshot list")
        for name in ("one", "two"):
            gdb.console(f"monitor snapshot save {name}")
        assert [row["name"] for row in json.loads(gdb.console("monitor snapshot list --json"))["snapshots"]] == ["one", "two"]
        assert re.search(r"(?m)^one +0x", gdb.console("info os snapshots"))
        assert "is deleted" in gdb.console("monitor snapshot delete one")
        for command in ("restore one", "delete one", "diff one"):
            assert 'none with the name "one"' in gdb.console(f"monitor snapshot {command}")
        for command in ("save", "restore", "diff", f"save {'a' * 65}"):
            assert "name" in gdb.console(f"monitor snapshot {command}")
        for number in range(40):
            answer = gdb.console(f"monitor snapshot save s{number}")
        assert "there are 32 already" in answer

    def test_a_disk_that_the_guest_writes_to_is_named(self):
        image = self.folder / "disk.img"
        image.write_bytes(bytes(64 * 512))
        vm, gdb = self.attached("virtio", f"--disk={image}")
        answer = gdb.console("monitor snapshot save with_it")
        assert f"the disk {image} cannot be saved" in answer
        assert "--disk FILE,overlay" in answer
        gdb.console("kill")
        vm.wait()
        _, gdb = self.attached("virtio", f"--disk={image},ro")
        assert "Snapshot with_it" in gdb.console("monitor snapshot save with_it")


class TestDisks(RingsideTest):
    """An overlay is part of a snapshot, in the middle of the guest's work with the disk, and the image stays as it is."""

    WRITE = 1  # VIRTIO_BLK_T_OUT

    def writing(self, *options: object):
        self.image = self.folder / "disk.img"
        self.image.write_bytes(bytes(64 * 512))
        vm, gdb = self.attached("virtio", "--rng", f"--disk={self.image},overlay", *options)
        gdb.console(f"break transfer if type == {self.WRITE}")
        self.assert_breakpoint(gdb.run("continue"), "transfer")
        gdb.console("delete")
        return vm, gdb

    def test_a_disk_goes_back(self):
        vm, gdb = self.writing()
        assert "0 KiB of disks" in gdb.console("monitor snapshot save writing")
        gdb.console("break guest::debug_exit")
        for _ in range(3):
            self.assert_breakpoint(gdb.run("continue"), "debug_exit")
            changed = json.loads(gdb.console("monitor snapshot diff writing --json"))
            assert changed["disks"] == [{"name": "disk.img", "kib": 64}]
            gdb.console("monitor snapshot restore writing")
            gdb.console("maintenance flush register-cache")
            assert json.loads(gdb.console("monitor snapshot diff writing --json"))["disks"] == []
        gdb.console("delete")
        gdb.start("continue")
        assert vm.wait() == 33
        assert re.findall(r"disk: run (\d+)", vm.stdout.text()) == ["1"] * 4, "each began with the disk as it was"
        assert self.image.read_bytes() == bytes(64 * 512)

    def test_a_disk_in_a_file_starts_another_machine(self):
        vm, gdb = self.writing()
        gdb.console("break wait_for_input")
        self.assert_breakpoint(gdb.run("continue"), "wait_for_input")
        file = self.folder / "written.snapshot"
        assert str(file) in gdb.console(f"monitor snapshot save written {file}")
        gdb.console("kill")
        vm, gdb = self.attached("virtio", "--rng", f"--disk={self.image},overlay", f"--restore={file}")
        gdb.console("print transfer(0, 1)")
        assert gdb.integer("*(int *)sector") == 1, "what the other machine wrote"
        gdb.start("continue")
        assert vm.wait() == 33
        other = self.folder / "other.img"
        other.write_bytes(bytes(32 * 512))
        vm = self.ringside(self.guest("virtio"), "--rng", f"--disk={other},overlay", f"--restore={file}", gdb=None)
        assert vm.wait() == 1
        assert "the disk disk.img (32768 bytes), and this one the disk other.img (16384 bytes)" in vm.stderr.text()
