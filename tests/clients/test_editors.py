"""Emacs and Neovim with the debugger interfaces that they bring: M-x gdb and termdebug."""

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


class TestEditors(RingsideTest):
    @pytest.mark.parametrize("editor", COMMANDS)
    def test_attaches_breaks_and_steps(self, editor):
        vm = self.ringside(self.guest("demo64"), "--append=rounds=3")
        done = subprocess.run(COMMANDS[editor], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=120 * FACTOR, check=False,
                              env={**os.environ, "HOME": str(self.folder), "KERNEL": str(self.guest("demo64")), "PORT": str(vm.port())})
        assert done.returncode == 0, done.stdout
        assert vm.wait() == 33  # detached, the guest runs to its end
