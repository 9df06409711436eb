"""Emacs and Neovim with the debugger interfaces that they bring or that Debian has: M-x gdb, dap-mode and termdebug."""

import os
import subprocess

from tests.clients.lldb_versions import LldbVersion
from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.timeouts import FACTOR

EDITORS = paths.ROOT / "tests" / "clients" / "editors"
SOURCE = paths.ROOT / "guests" / "demo64" / "work.cpp"
COMMANDS = {
    "emacs": ["emacs", "-Q", "--batch", "--load", EDITORS / "session.el"],
    # Debian's packages for Emacs are found by its site file.
    "dap-mode": ["emacs", "-q", "--batch", "--load", EDITORS / "dap.el"],
    "neovim": ["nvim", "--clean", "--headless", "-S", EDITORS / "session.vim"],
}


def run_editor(command: list, **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=120 * FACTOR, check=False, **how)


class TestEditors(RingsideTest):
    def run(self, editor: str, **environment: str) -> None:
        """Attaches to demo64 and detaches in the end; the guest then runs to its end."""
        vm = self.ringside(self.guest("demo64"), "--append=rounds=3")
        given = {"HOME": str(self.folder), "KERNEL": str(self.guest("demo64")), "PORT": str(vm.port()), **environment}
        done = run_editor(COMMANDS[editor], env={**os.environ, **given}, cwd=self.folder)
        assert done.returncode == 0, done.stdout
        assert vm.wait() == 33

    def test_emacs_attaches_breaks_and_steps(self):
        self.run("emacs")

    def test_neovim_attaches_breaks_and_steps(self):
        subprocess.run([paths.RINGSIDE, "ide", "neovim", self.guest("demo64")], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        self.run("neovim")

    def test_emacs_dap_mode_attaches_breaks_and_steps(self):
        version = LldbVersion(19)
        self.run("dap-mode", **version.environment(str(self.folder)), LLDB_ADAPTER=str(version.debug_adapter), SOURCE=str(SOURCE))
