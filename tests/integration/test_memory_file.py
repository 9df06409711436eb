"""`--memory-file`: the guest's memory in a file, where other programs see it while the guest runs."""

import mmap
import os
import re
import struct
import subprocess

import pytest

from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.timeouts import FACTOR


class TestMemoryFile(RingsideTest):
    @pytest.fixture(autouse=True)
    def machine(self, clean_up) -> None:
        self.path = self.folder / "ram"
        self.vm, self.live = self.attached("demo64", "--append=rounds=0", f"--memory-file={self.path}")
        self.rounds_done = self.live.integer("&rounds_done")  # the kernel is where its addresses say

    def memory(self) -> mmap.mmap:
        with self.path.open("r+b") as file:
            return self.ends.enter_context(mmap.mmap(file.fileno(), 0))

    def rounds(self, memory: mmap.mmap) -> int:
        return struct.unpack_from("<Q", memory, self.rounds_done)[0]

    def test_is_the_memory_of_a_guest_that_runs(self):
        memory = self.memory()
        assert len(memory) == 64 << 20
        assert self.rounds(memory) == 0
        self.live.start("continue")
        self.vm.serial("round 3:")
        assert self.rounds(memory) >= 2
        self.live.interrupt()
        assert self.rounds(memory) == self.live.integer("rounds_done")

    def test_what_is_written_there_is_the_guests(self):
        struct.pack_into("<Q", self.memory(), self.rounds_done, 1000)
        assert self.live.integer("rounds_done") == 1000
        self.live.start("continue")
        self.vm.serial("round 1001:")

    def test_a_snapshot_is_restored_there(self):
        memory = self.memory()
        self.live.console("break report_round")
        self.live.run("continue")
        before = self.rounds(memory)
        self.live.console("monitor snapshot save here")
        self.live.run("continue")
        assert self.rounds(memory) == before + 1
        self.live.console("monitor snapshot restore here")
        self.live.console("maintenance flush dcache")
        assert self.rounds(memory) == before
        assert self.live.integer("rounds_done") == before

    def test_a_recording_goes_back_there(self):
        memory = self.memory()
        self.live.console("break report_round")
        self.live.run("continue")
        self.live.console("monitor record on")
        before = self.rounds(memory)
        self.live.console("watch rounds_done")
        self.live.run("continue")
        assert self.rounds(memory) == before + 1
        self.live.run("reverse-continue")
        assert self.rounds(memory) == before

    def test_a_restart_has_a_new_one(self):
        old = self.memory()
        self.live.console("break report_round")
        self.live.run("continue")
        self.live.run("continue")
        rounds = self.rounds(old)
        assert rounds > 0
        self.live.console("monitor system_reset")
        assert self.rounds(self.memory()) == 0
        assert self.rounds(old) == rounds, "whoever has the old one open keeps it"
        assert [path.name for path in self.folder.iterdir()] == ["ram"]

    def test_a_file_that_is_cut_ends_the_run_with_a_sentence(self):
        os.truncate(self.path, 0)
        self.live.start("continue")
        assert self.vm.wait() == 1
        assert re.search("was truncated|KVM_RUN", self.vm.stderr.text())


class TestRefusals(RingsideTest):
    def refused(self, path, *prefix: str) -> str:
        done = subprocess.run([*prefix, paths.RINGSIDE, "run", "-m", "64M", "--serial=none", f"--memory-file={path}",
                               self.guest("demo64")], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60 * FACTOR, check=False)
        assert done.returncode == 1, done
        assert done.stderr.count("\n") == 1, "one line"
        return done.stderr

    def test_something_else_is_there(self):
        os.mkfifo(self.folder / "fifo")
        (self.folder / "link").symlink_to("/dev/null")
        for path in (self.folder, self.folder / "fifo", self.folder / "link", "/dev/null"):
            assert "what is there is not a regular file" in self.refused(path), path

    def test_a_folder_that_does_not_exist(self):
        assert "No such file or directory" in self.refused(self.folder / "none" / "ram")

    def test_a_limit_on_files_is_an_error_and_no_signal(self):
        said = self.refused(self.folder / "ram", "prlimit", f"--fsize={1 << 20}")
        assert "reserve 64 MiB" in said and "ulimit -f" in said
        assert list(self.folder.iterdir()) == [], "nothing is left behind"

    def test_a_file_system_without_room(self):
        full = self.folder / "full"
        full.mkdir()
        mounted = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
                                  f"mount -t tmpfs -o size=8M none {full}"], capture_output=True, check=False)
        if mounted.returncode != 0:
            pytest.skip("this user cannot mount a file system of their own")
        script = f'mount -t tmpfs -o size=8M none {full} && exec "$0" "$@"'
        said = self.refused(full / "ram", "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script)
        assert "No space left on device" in said and "has 8 MiB free" in said
