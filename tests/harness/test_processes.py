"""Whatever descends from a marked process is found, and is no longer once it has ended."""

import os
import pathlib
import signal
import subprocess

import pytest

from tests.harness import processes


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch) -> processes.Mark:
    monkeypatch.setattr(processes, "PATIENCE", 0.1)
    return processes.Mark("RINGSIDE_TEST_MARK")


def test_an_orphan_is_found_and_named(mark: processes.Mark) -> None:
    subprocess.run(["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 &"], env={**os.environ, **mark.environment}, check=True)
    (pid,) = mark.left()
    try:
        assert processes.name(pid) == "sleep 1000"
    finally:
        os.kill(pid, signal.SIGKILL)
    assert mark.left() == []


def test_other_processes_are_none_of_it(mark: processes.Mark) -> None:
    assert mark.left() == []


def test_a_process_that_shows_no_environment_yet_is_read_again(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the middle of an exec: the first reading is empty, the second is not."""
    folder = tmp_path / str(os.getpid())
    folder.mkdir()
    (folder / "exe").symlink_to("/bin/true")
    readings = [b"", b"NAME=value\0"]
    monkeypatch.setattr(pathlib.Path, "read_bytes", lambda _: readings.pop(0))
    assert processes.environment(folder) == b"NAME=value\0"


def test_a_process_without_a_program_is_not_waited_for(tmp_path: pathlib.Path) -> None:
    (tmp_path / "environ").touch()
    with pytest.raises(OSError):
        processes.environment(tmp_path)
