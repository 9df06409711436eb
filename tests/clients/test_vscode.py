"""VS Code itself: its user opens a folder, presses F5, and goes through a session on demo64."""

import pytest

from tests.clients.vscode_session import VscodeSession, free_port
from tests.harness.case import RingsideTest

ADAPTERS = ["ringside", "gdbtarget", "lldb-dap"]  # the C/C++ extension's cppdbg is not to be had as a package


class TestVscode(RingsideTest):
    @pytest.mark.parametrize("adapter", ADAPTERS)
    def test_f5_in_the_folder_of_the_guests(self, adapter):
        session = self.keep(VscodeSession(self.folder, adapter, free_port()))
        session.run(session.in_the_folder_of_the_guests())

    @pytest.mark.parametrize("adapter", ADAPTERS)
    def test_f5_in_a_folder_that_ringside_ide_has_prepared(self, adapter):
        session = self.keep(VscodeSession(self.folder, adapter, free_port()))
        session.run(session.in_a_folder_of_ringside_ide())
