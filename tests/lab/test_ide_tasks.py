"""The tasks that start a machine for VS Code, on a computer without KVM: the machine runs in the lab, and the editor's debugger
attaches as elsewhere."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside

WITHOUT_KVM = (str(paths.ROOT / "tests" / "lab" / "without-kvm"),)
FOLDER = paths.ROOT / "guests" / ".vscode"

pytestmark = pytest.mark.boots


class TestIdeTasks(RingsideTest):
    def written_words(self) -> list[str]:
        """By `ringside ide`, for demo64."""
        subprocess.run([paths.RINGSIDE, "ide", "vscode", self.guest("demo64"), "--", "-m", "64M"], cwd=self.folder, check=True,
                       stdout=subprocess.DEVNULL)
        return tasks(self.folder / ".vscode")[0]["args"]

    def words_of_the_guests_folder(self) -> list[str]:
        command = next(task for task in tasks(FOLDER) if task.get("isBackground"))["command"].split()
        return [*command[1:-1], str(self.guest("demo64"))]

    @pytest.mark.parametrize("words", (written_words, words_of_the_guests_folder))
    def test_sessions_in_the_lab(self, words):
        vm = self.keep(Ringside(*(word.replace(":1234", ":0") for word in words(self)), prefix=WITHOUT_KVM))
        vm.stderr.wait_for("gdb: listening on", seconds=300)
        assert "the machine runs in the" in vm.stderr.text()
        self.session(vm)
        self.session(vm)  # after Restart
        vm.signal(signal.SIGHUP)  # VS Code closes the task's terminal
        assert vm.wait() == 128 + signal.SIGHUP

    def session(self, vm: Ringside) -> None:
        gdb = self.gdb(self.guest("demo64"))
        gdb.connect(vm.port())
        gdb.console("tbreak guest_main")
        self.assert_stopped_in(gdb.run("continue"), "guest_main")
        gdb.console("kill")


def tasks(folder: Path) -> list[dict]:
    return json.loads((folder / "tasks.json").read_text(encoding="utf-8"))["tasks"]
