"""Emacs and Neovim with the debugger interfaces that they bring: M-x gdb and termdebug.

Neovim hands termdebug what gdb says in pieces, and termdebug takes each piece for whole lines: a stop that comes in two pieces
is lost, more often on a busy machine. Its user then starts again, and so do the tests.
"""

import os
import subprocess

import pytest

from tests.harness import paths
from tests.harness.case import RingsideTest
from tests.harness.timeouts import FACTOR

EDITORS = paths.ROOT / "tests" / "clients" / "editors"
COMMANDS = {
    "emacs": ["emacs", "-Q", "--batch", "--load", EDITORS / "session.el"],
    "neovim": ["nvim", "--clean", "--headless", "-S", EDITORS / "session.vim"],
}
NEOVIM_TRIES = 6


def run_editor(command: list, **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=120 * FACTOR, check=False, **how)


class TestEditors(RingsideTest):
    @pytest.mark.parametrize("editor", COMMANDS)
    def test_attaches_breaks_and_steps(self, editor):
        for _ in range(NEOVIM_TRIES if editor == "neovim" else 1):
            vm = self.ringside(self.guest("demo64"), "--append=rounds=3")
            environment = {"HOME": str(self.folder), "KERNEL": str(self.guest("demo64")), "PORT": str(vm.port())}
            done = run_editor(COMMANDS[editor], env={**os.environ, **environment})
            if done.returncode == 0:
                break
        assert done.returncode == 0, done.stdout
        assert vm.wait() == 33  # detached, the guest runs to its end
