"""The sessions with guests/hypervisor in the README and in the page about hypervisors: gdb prints the lines that they show."""

import pytest

from tests.clients import snippets
from tests.harness import paths
from tests.integration.nested_case import VMX, NestedTest

PAGES = [paths.ROOT / "README.md", paths.ROOT / "vmm" / "debug" / "nested" / "README.md"]
SESSIONS = [snippet for page in PAGES for snippet in snippets.of_page(page)
            if snippet.for_gdb and ("hypervisor::" in snippet.text or "guests/hypervisor" in snippet.text)]


class TestSessions(NestedTest):
    def test_each_page_has_them(self):
        assert len(SESSIONS) == 4

    @pytest.mark.parametrize("session", SESSIONS, ids=range(len(SESSIONS)))
    def test_gdb_prints_what_it_shows(self, session: snippets.Snippet):
        self.needs(VMX)
        session.assert_shows(snippets.gdb(session.for_gdb, "hypervisor", *session.machine))
