"""Saved machines: made once, found again, and never trusted when they are damaged."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ringlab import channel, saved
from ringlab.emulator import Emulator, Setup
from ringlab.errors import LabError
from test_session import NO_KERNEL, FakeMachine


class SavedMachine(FakeMachine):
    """It is ready at once, and its state is one file."""

    greeting = channel.READY
    saves = 0

    def __init__(self, setup: Setup):
        super().__init__(b"", b"", True, b"")
        self.setup = setup

    @classmethod
    def identity(cls, setup: Setup) -> list[object]:
        return [setup.cpus]

    def save(self, folder: Path) -> None:
        type(self).saves += 1
        (folder / "state").write_text("complete")


class FailingMachine(SavedMachine):
    def save(self, folder: Path) -> None:
        raise LabError("it cannot be saved")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut off": lambda folder: (folder / "state").write_text("comp"),
    "a file less": lambda folder: (folder / "state").unlink(),
    "no manifest": lambda folder: (folder / saved.MANIFEST).unlink(),
    "a manifest of nothing": lambda folder: (folder / saved.MANIFEST).write_text("{}"),
    "no JSON": lambda folder: (folder / saved.MANIFEST).write_text("["),
    "another JSON": lambda folder: (folder / saved.MANIFEST).write_text("[1]"),
}


class TestSaved:
    @pytest.fixture(autouse=True)
    def own_cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setattr(SavedMachine, "saves", 0)
        self.folder = tmp_path
        disk = tmp_path / "job"
        disk.write_bytes(bytes(1000))
        self.setup = Setup(NO_KERNEL, Path(), tmp_path, disk)

    def state(self, host: type[Emulator] = SavedMachine, cpus: int = 1) -> saved.State | None:
        with tempfile.TemporaryDirectory(dir=self.folder) as run:
            return saved.state_for(host, replace(self.setup, folder=Path(run), cpus=cpus))

    def found(self) -> saved.State:
        state = self.state()
        assert state is not None
        return state

    def test_a_machine_is_saved_once(self) -> None:
        first, second = self.found(), self.found()
        assert first == second
        assert first.valid()
        assert SavedMachine.saves == 1

    def test_another_machine_has_another_state(self) -> None:
        assert self.found() != self.state(cpus=2)
        assert SavedMachine.saves == 2

    @pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
    def test_a_damaged_state_is_made_again(self, damage: Callable[[Path], object]) -> None:
        damage(self.found().folder)
        assert self.found().valid()
        assert SavedMachine.saves == 2

    def test_a_discarded_state_is_removed(self) -> None:
        state = self.found()
        state.discard()
        assert not state.valid()
        assert not state.folder.exists()
        state.discard()

    def test_a_machine_that_cannot_be_saved_leaves_nothing_behind(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.state(FailingMachine) is None
        assert "it cannot be saved" in capsys.readouterr().err
        assert not list((self.folder / "cache/ringside/lab").glob("state*"))
