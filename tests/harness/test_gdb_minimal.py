"""Where Debian's gdb-minimal cannot be had, the lab's tests use gdb."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import paths
from tests.harness.lab import carried, gdb_minimal


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    gdb_minimal.program.cache_clear()
    yield
    gdb_minimal.program.cache_clear()


def installed(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *command, **how: subprocess.CompletedProcess(command, 0, stdout=version))


def test_a_gdb_of_another_origin_has_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    installed("", monkeypatch)
    assert gdb_minimal.program() is None
    assert carried.environment()["GDB_MINIMAL"] == paths.GDB


def test_a_package_that_cannot_be_downloaded_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*command: object, **how: object) -> None:
        raise subprocess.CalledProcessError(100, "apt-get")

    installed("13.1-3", monkeypatch)
    monkeypatch.setattr(gdb_minimal, "download", refused)
    assert gdb_minimal.program() is None


def test_the_program_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def unpacked(deb: Path, folder: Path, *wanted: str) -> None:
        (folder / "usr" / "bin").mkdir(parents=True)
        (folder / "usr" / "bin" / "gdb").write_bytes(b"gdb")

    asked: list[tuple[str, str]] = []
    installed("13.1-3", monkeypatch)
    monkeypatch.setattr(gdb_minimal, "download", lambda package, version, folder: asked.append((package, version)))
    monkeypatch.setattr(gdb_minimal, "unpack", unpacked)
    first = gdb_minimal.program()
    assert first is not None and first.read_bytes() == b"gdb"
    gdb_minimal.program.cache_clear()
    assert gdb_minimal.program() == first
    assert asked == [("gdb-minimal", "13.1-3")]
