"""How a machine is started and reached: the job's disk, the shim, the debugger's connection, and the progress that is shown."""

import io
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ringlab import batch, bochs_shim, job_disk, progress, ringside


class TestJobDisk:
    def test_a_disk_has_one_of_a_few_sizes(self) -> None:
        for length, size in ((0, 16), (16 << 20, 16), ((16 << 20) + 1, 32), (33 << 20, 64)):
            assert job_disk.size_for(length) == size << 20

    def test_a_job_is_an_archive_at_the_disks_start(self, tmp_path: Path) -> None:
        disk, tool = tmp_path / "disk", tmp_path / "tool"
        tool.write_text("#!/bin/sh\n")
        settings = job_disk.settings("/work", [batch.Test("one", 5, "true")], ["/out/file"], network=True)
        job_disk.write(disk, {"/bin/tool": tool}, settings)
        data = disk.read_bytes()
        assert len(data) == job_disk.SMALLEST
        assert data.startswith(b"070701")
        for name in (b"bin/tool\0", b"lab/network\0", b"lab/tests/0000/command\0", b"out\0", b"TRAILER!!!\0"):
            assert name in data


class TestMemory:
    @pytest.mark.parametrize(
        "arguments, mib",
        [
            (["-m", "64M", "kernel"], 512),
            (["kernel"], 512),
            (["--memory=257M", "kernel"], 1024),
            (["-m1G", "kernel"], 2048),
            (["-m", "what", "kernel"], 512),
            (["-m"], 512),
        ],
    )
    def test_a_machine_has_room_for_its_guest(self, arguments: list[str], mib: int) -> None:
        assert ringside.machine_memory(arguments) == mib


class TestShim:
    @pytest.fixture(autouse=True)
    def own_cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def test_the_shim_replaces_select(self) -> None:
        script = "import select, os; r, w = os.pipe(); os.write(w, b'x'); print(select.select([r], [], [], 0)[0] == [r])"
        assert self.run(script, **{bochs_shim.IDLE: "1"}) == "True\n"

    def run(self, script: str, **environment: str) -> str:
        environment = dict(os.environ, LD_PRELOAD=str(bochs_shim.path()), **environment)
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    SWAP = """
import ctypes
libc = ctypes.CDLL(None)
libc.tmpfile64.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.tmpfile64())
data = ctypes.create_string_buffer(6)
written = libc.fwrite(b"other", 1, 5, file)
libc.rewind(file)
print(written, libc.fread(data, 1, 5, file), data.value)
"""

    def test_a_saved_machines_memory_takes_the_place_of_the_file_that_is_swapped_to(self, tmp_path: Path) -> None:
        memory = tmp_path / "memory"
        memory.write_bytes(b"saved")
        assert self.run(self.SWAP, **{bochs_shim.MEMORY: str(memory)}) == "0 5 b'saved'\n"
        assert memory.read_bytes() == b"saved"

    def test_a_machine_that_boots_swaps_to_a_file_of_its_own(self) -> None:
        assert self.run(self.SWAP) == "5 5 b'other'\n"

    def test_single_bytes_are_written_as_they_are(self) -> None:
        assert self.run("import os; os.write(1, b'a'); os.write(1, b'bc')") == "abc"

    def test_where_nothing_can_be_saved_the_signal_ends_the_process_with_status_1(self, tmp_path: Path) -> None:
        environment = dict(os.environ, LD_PRELOAD=str(bochs_shim.path()), **{bochs_shim.SAVE_TO: str(tmp_path)})
        assert subprocess.run(["sh", "-c", "kill -USR2 $$"], env=environment, check=False).returncode == 1


class Output(io.StringIO):
    """Notes that something has been written."""

    def __init__(self, terminal: bool):
        super().__init__()
        self._terminal = terminal
        self.written = threading.Event()

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> int:
        count = super().write(text)
        self.written.set()
        return count


class TestProgress:
    def shown(self, terminal: bool) -> str:
        output = Output(terminal)
        with progress.stage("working", output, patience=0):
            assert output.written.wait(60)
        return output.getvalue()

    def test_what_is_quick_is_not_shown(self) -> None:
        output = Output(terminal=True)
        with progress.stage("working", output, patience=3600):
            pass
        assert output.getvalue() == ""

    def test_a_terminal_has_one_line_that_goes_away(self) -> None:
        assert re.fullmatch(r"\r\x1b\[Klab: working \.\.\. \d+ s.*\r\x1b\[K", self.shown(terminal=True))

    def test_elsewhere_lines_are_plain(self) -> None:
        assert re.fullmatch(r"lab: working \.\.\.\nlab: working: \d+\.\d s\n", self.shown(terminal=False))
