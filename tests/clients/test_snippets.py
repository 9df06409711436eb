"""Each snippet of the README and of the clients' page is exercised by a test, or the page says that it is not run."""

import importlib
import json
import re

import pytest

from tests.clients import snippets
from tests.harness import paths

README = paths.ROOT / "README.md"
CLIENTS = paths.ROOT / "tests" / "clients" / "README.md"

# By its first line, the test that exercises a snippet.
EXERCISED = {
    README: {
        "./guests/demo       # build, boot a small 64-bit kernel, and watch a real gdb debug it": "tests.fresh.test_fresh:DEMO",
        "./tests/install-packages build && cmake --workflow --preset package": "tests.fresh.test_fresh:BUILD_PACKAGE",
        "$ build/release/ringside gdb -m 64M build/release/guests/demo64": "tests.clients.test_snippets:TestSessions",
        "(gdb) break report_round if round == 2": "tests.clients.test_snippets:TestSessions",
        "$ build/release/ringside gdb --host intel -m 64M --append break=GUEST_CR0 build/release/guests/hypervisor":
            "tests.integration.test_nested_pages",
        "(gdb) break hypervisor::l2_round": "tests.integration.test_nested_pages",
        "ringside run -m 64M --wait --gdb kernel.elf           # listens on 127.0.0.1:1234, stopped at the first instruction":
            "tests.integration.test_transports",
        "monitor registers [all]    every register of a vCPU, flags by name; with `all` vectors too":
            "tests.clients.test_snippets:test_the_monitors_commands_are_there",
        "./tests/run --list            # the lanes": "tests.lanes.test_lane",
    },
    CLIENTS: {
        "ringside run --wait --gdb kernel.elf        # listens on 127.0.0.1:1234": "tests.integration.test_transports",
        "M-x gdb RET gdb -i=mi kernel.elf RET": "tests.clients.test_editors:TestEditors.test_emacs_attaches_breaks_and_steps",
        "(require 'dap-lldb)": "tests.clients.test_editors:TestEditors.test_emacs_dap_mode_attaches_breaks_and_steps",
        ":packadd termdebug": "tests.clients.test_editors:TestEditors.test_neovim_attaches_breaks_and_steps",
        "lldb kernel.elf -o 'gdb-remote 127.0.0.1:1234'": "tests.clients.test_lldb:TestSource",
    },
}
# VS Code's, by the type of the debugger: guests/.vscode has the same configuration, and these run it.
CONFIGURATIONS = {
    "cppdbg": "tests.clients.test_mi",
    "ringside": "tests.clients.test_vscode:TestVscode",
    "gdbtarget": "tests.clients.test_vscode:TestVscode",
    "lldb-dap": "tests.clients.test_vscode:TestVscode",
}
CLIENTS_OF_THE_README = {
    "gdb": "tests.integration.test_demo64",
    "LLDB": "tests.clients.test_lldb",
    "VS Code, C/C++ extension": "tests.clients.test_mi",
    "VS Code, Ringside's own extension": "tests.clients.test_vscode:TestVscode",
    "CLion": "tests.clients.test_mi",
    "Emacs": "tests.clients.test_editors:TestEditors.test_emacs_attaches_breaks_and_steps",
    "Neovim": "tests.clients.test_editors:TestEditors.test_neovim_attaches_breaks_and_steps",
}
# What differs between a kernel of the user's and the guests' folder.
PLACES = ("name", "program", "cwd", "preLaunchTask", "postDebugTask")


def exists(test: str) -> bool:
    module, _, name = test.partition(":")
    found: object = importlib.import_module(module)
    for part in name.split(".") if name else ():
        found = getattr(found, part, None)
    return found is not None


def configuration(snippet: snippets.Snippet) -> dict | None:
    """The snippet, if it is a configuration for VS Code that is run."""
    if snippet.not_run or not snippet.text.lstrip().startswith("{"):
        return None
    return json.loads(snippet.text)


def configurations() -> list[dict]:
    return [found for snippet in snippets.of_page(CLIENTS) if (found := configuration(snippet))]


@pytest.mark.parametrize("page", [README, CLIENTS], ids=["README", "clients"])
class TestPages:
    def test_each_snippet_is_exercised_or_marked(self, page):
        missing = [f"{each.section}: {each.first}" for each in snippets.of_page(page)
                   if not each.not_run and each.first not in EXERCISED[page] and configuration(each) is None]
        assert not missing, "add a test and a row here, or write \"Not run here.\" above the snippet"

    def test_each_row_names_a_snippet_and_a_test(self, page):
        there = {each.first for each in snippets.of_page(page)}
        assert [row for row in EXERCISED[page] if row not in there] == []
        assert [test for test in EXERCISED[page].values() if not exists(test)] == []


def test_a_new_snippet_is_noticed():
    page = "### An editor\n\nDo this:\n\n    attach\n\n    again\n\n### Another\n\nNot run here.\n\n    go\n"
    assert [(each.section, each.first, each.not_run) for each in snippets.of_text(page)] == [
        ("An editor", "attach", False), ("Another", "go", True)]


def test_each_client_of_the_readme_is_exercised():
    rows = snippets.table(README, "Attach")
    assert set(rows) == set(CLIENTS_OF_THE_README)
    assert all(exists(test) for test in CLIENTS_OF_THE_README.values())


def test_vscodes_snippets_are_the_configurations_that_are_run():
    launch = json.loads((paths.ROOT / "guests" / ".vscode" / "launch.json").read_text(encoding="utf-8"))
    run = {each["type"]: each for each in launch["configurations"]}
    assert sorted(each["type"] for each in configurations()) == sorted(CONFIGURATIONS)
    for snippet in configurations():
        assert without_places(snippet) == without_places(run[snippet["type"]])
        assert exists(CONFIGURATIONS[snippet["type"]])


def without_places(found: dict) -> dict:
    return {key: value for key, value in found.items() if key not in PLACES}


def test_the_monitors_commands_are_there():
    listed = snippets.gdb(["monitor help"], "demo64", "-m", "64M")
    [snippet] = [each for each in snippets.of_page(README) if each.first.startswith("monitor registers")]
    for command in re.findall(r"(?m)^ *monitor ([a-z-]+)", snippet.text):
        assert re.search(rf"(?m)^ *(?:monitor )?{command}\b", listed), command


class TestSessions:
    """The README's sessions on demo64: gdb prints the lines that they show, in their order."""

    @pytest.mark.parametrize("first", ["$ build/release/ringside gdb -m 64M build/release/guests/demo64", "(gdb) break report_round if round == 2"])
    def test_gdb_prints_what_it_shows(self, first):
        [session] = [each for each in snippets.of_page(README) if each.first == first]
        session.assert_shows(snippets.gdb(session.for_gdb, "demo64", "-m", "64M"))
