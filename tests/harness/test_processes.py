"""Whatever descends from a marked process is found, and is no longer once it has ended."""

import os
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
