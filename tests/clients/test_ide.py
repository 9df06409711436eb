"""`ringside ide`: what it writes starts the machine and attaches."""

import json
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.clients.test_editors import run_editor
from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside

SESSION = paths.ROOT / "tests" / "clients" / "editors" / "ringside_command.vim"
IDES = {"vscode": [".vscode/extensions/ringside/adapter.js", ".vscode/extensions/ringside/package.json", ".vscode/launch.json",
                   ".vscode/tasks.json"], "clion": [".idea/runConfigurations/Ringside.xml"],
        "neovim": ["ringside.vim"]}
# How debuggers leave when their user presses Stop, and when they crash.
LEAVING = {"detach": lambda gdb: gdb.command("-target-detach"), "kill": lambda gdb: gdb.console("kill"), "crash": lambda gdb: gdb.kill()}


class IdeTest(RingsideTest):
    def ide(self, *arguments: str | Path, status: int = 0) -> str:
        """What the command prints; its errors if it is to fail."""
        done = subprocess.run([paths.RINGSIDE, "ide", *arguments], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == status, done
        return done.stdout if status == 0 else done.stderr

    def written(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


class TestFiles(IdeTest):
    @pytest.mark.parametrize("ide", IDES)
    def test_writes_them_and_says_how_to_go_on(self, ide):
        said = self.ide(ide, self.guest("demo64"))
        assert self.written() == IDES[ide]
        assert all(f"wrote {path}" in said for path in IDES[ide])

    @pytest.mark.parametrize("ide", IDES)
    def test_leaves_the_users_files_alone(self, ide):
        theirs = self.folder / IDES[ide][-1]
        theirs.parent.mkdir(parents=True, exist_ok=True)
        theirs.write_text("mine", encoding="utf-8")
        said = self.ide(ide, self.guest("demo64"), status=1)
        assert f"write ./{IDES[ide][-1]}: the file exists. Give --force to replace it" in said
        assert self.written() == [IDES[ide][-1]] and theirs.read_text(encoding="utf-8") == "mine"
        self.ide(ide, self.guest("demo64"), "--force")
        assert theirs.read_text(encoding="utf-8") != "mine"

    def test_takes_the_folders_vmlinux(self):
        said = self.ide("vscode", status=1)
        assert "Name the kernel" in said
        (self.folder / "vmlinux").write_bytes(self.guest("demo64").read_bytes())
        self.ide("vscode")
        launch = json.loads((self.folder / ".vscode/launch.json").read_text(encoding="utf-8"))
        assert {each["program"] for each in launch["configurations"]} == {str(self.folder.resolve() / "vmlinux")}

    @pytest.mark.parametrize(("arguments", "why"), [
        (("vscode", "none"), "read none: No such file or directory"),
        (("vscode", "."), "read .: it is not a file"),
        (("vscode", "--folder", "none", "/bin/true"), "write to none: it is not a folder"),
        (("vscode", "--symbols", "none", "/bin/true"), "read none: No such file"),
    ])
    def test_says_what_is_wrong(self, arguments, why):
        assert why in self.ide(*arguments, status=1)
        assert self.written() == []

    @pytest.mark.parametrize("arguments", [(), ("edlin",), ("vscode", "--port", "0"), ("vscode", "--port", "65536")])
    def test_refuses_wrong_arguments(self, arguments):
        self.ide(*arguments, status=2)
        assert self.written() == []


class TestSessions(IdeTest):
    def start_vscodes_task(self) -> Ringside:
        """What VS Code does before a session, on a port that the system chooses; the task is ready when VS Code thinks so."""
        kernel = self.folder / "kernel.elf"
        shutil.copyfile(self.guest("demo64"), kernel)
        self.ide("vscode", kernel, "--", "-m", "64M", "--append", "rounds=3")
        task = json.loads((self.folder / ".vscode/tasks.json").read_text(encoding="utf-8"))["tasks"][0]
        assert task["command"] == str(paths.RINGSIDE)
        vm = self.keep(Ringside(*(word.replace(":1234", ":0") for word in task["args"])))
        vm.stderr.wait_for(task["problemMatcher"]["background"]["endsPattern"])
        return vm

    @pytest.mark.parametrize("leave", LEAVING)
    def test_vscodes_task_serves_one_session_after_another(self, leave):
        """Restart, or Stop and Start: however the debugger leaves, the next one finds the guest at its start."""
        vm = self.start_vscodes_task()
        self.reach_step(vm)
        (self.folder / "kernel.elf").unlink()
        shutil.copyfile(self.guest("smp"), self.folder / "kernel.elf")  # rebuilt meanwhile
        LEAVING[leave](self.debugger)
        again = self.gdb(self.guest("smp"))
        again.connect(vm.port())
        again.console("tbreak guest_main")
        self.assert_stopped_in(again.run("continue"), "guest_main")

    def test_vscode_ends_the_machine_after_the_session(self):
        """The task "end Ringside" closes the terminal of the one that started it."""
        vm = self.start_vscodes_task()
        self.reach_step(vm)
        self.debugger.command("-target-detach")
        vm.signal(signal.SIGHUP)
        assert vm.wait() == 128 + signal.SIGHUP

    def reach_step(self, vm: Ringside) -> None:
        self.debugger = self.gdb(self.guest("demo64"))
        self.debugger.connect(vm.port())
        self.debugger.console("break step")
        self.assert_breakpoint(self.debugger.run("continue"), "step")

    def test_neovims_command_starts_the_machine_and_gdb(self):
        self.ide("neovim", self.guest("demo64"), "--", "-m", "64M", "--append", "rounds=3")
        done = run_editor(["nvim", "--clean", "--headless", "-S", SESSION], cwd=self.folder)
        assert done.returncode == 0, done.stdout
