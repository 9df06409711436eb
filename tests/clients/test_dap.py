"""Debug adapters, as VS Code and other editors start them, driven by VS Code's own test client for adapters."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.clients import node_packages
from tests.clients.lldb_versions import VERSIONS, LldbVersion
from tests.harness import paths
from tests.harness.timeouts import FACTOR

DAP = paths.ROOT / "tests" / "clients" / "dap"
# Statuses of the runner: a capability that the adapter does not have, and a race inside the adapter.
LACKING, AGAIN = 77, 75

SCENARIOS = (
    "stops_at_a_function", "stops_at_a_line", "obeys_a_condition", "obeys_a_hit_count", "prints_at_a_logpoint_without_stopping",
    "shows_arguments_and_locals", "changes_a_variable", "shows_registers", "steps_over_into_and_out", "steps_back",
    "steps_back_by_an_instruction", "goes_back_to_a_breakpoint_and_to_the_beginning", "passes_a_logpoint_on_the_way_back",
    "says_how_to_record_before_it_can_go_back", "offers_no_way_back_where_nothing_can_be_recorded", "steps_back_by_command",
    "shows_a_thread_for_each_vcpu", "pauses", "disassembles", "reads_memory", "writes_memory", "stops_when_data_changes",
    "runs_monitor_commands", "disconnects_and_leaves_the_guest_running", "connects_again", "launches", "terminates_the_guest", "restarts",
    "refuses_to_restart_by_request", "sees_the_guests_end", "survives_the_death_of_the_adapter",
)
GOING_BACK = SCENARIOS[SCENARIOS.index("steps_back"):SCENARIOS.index("steps_back_by_command")]

# What an adapter itself does not offer, by the capability or the way (dap/adapters.mjs) that it lacks.
UNSUPPORTED = {
    **{(adapter, scenario): "supportsStepBack" for adapter in ("gdb", "lldb14", "lldb16", "lldb19") for scenario in GOING_BACK},
    ("gdb", "refuses_to_restart_by_request"): "supportsRestartRequest",
    ("ringside", "refuses_to_restart_by_request"): "supportsRestartRequest",
    ("lldb14", "disassembles"): "supportsDisassembleRequest",
    ("lldb14", "prints_at_a_logpoint_without_stopping"): "supportsLogPoints",
    ("lldb14", "reads_memory"): "supportsReadMemoryRequest",
    ("lldb14", "refuses_to_restart_by_request"): "supportsRestartRequest",
    ("lldb14", "launches"): "launch",
    ("lldb14", "steps_back_by_command"): "stepBack",
    ("lldb14", "stops_when_data_changes"): "supportsDataBreakpoints",
    ("lldb14", "writes_memory"): "supportsWriteMemoryRequest",
    ("lldb16", "disassembles"): "supportsDisassembleRequest",
    ("lldb16", "reads_memory"): "supportsReadMemoryRequest",
    ("lldb16", "refuses_to_restart_by_request"): "supportsRestartRequest",
    ("lldb16", "launches"): "launch",
    ("lldb16", "steps_back_by_command"): "stepBack",
    ("lldb16", "stops_when_data_changes"): "supportsDataBreakpoints",
    ("lldb16", "writes_memory"): "supportsWriteMemoryRequest",
    ("lldb19", "launches"): "launch",
    ("lldb19", "steps_back_by_command"): "stepBack",
    ("lldb19", "reads_memory"): "supportsReadMemoryRequest",
    ("lldb19", "writes_memory"): "supportsWriteMemoryRequest",
}


@dataclasses.dataclass(frozen=True)
class Adapter:
    name: str
    kind: str  # of dap/adapters.mjs
    version: LldbVersion | None = None

    def environment(self, home: str) -> dict[str, str]:
        if self.kind == "ringside":
            return {**os.environ, "HOME": home, "RINGSIDE_ADAPTER": str(node_packages.extension(Path(home) / "extension"))}
        if self.version is None:
            return {**os.environ, "HOME": home}
        return {**self.version.environment(home), "LLDB_ADAPTER": str(self.version.debug_adapter)}


ADAPTERS = [Adapter("gdb", "gdb"), Adapter("ringside", "ringside"), *[Adapter(f"lldb{number}", "lldb", LldbVersion(number)) for number in VERSIONS]]


@pytest.fixture(scope="module", params=ADAPTERS, ids=lambda adapter: adapter.name)
def adapter(request) -> Adapter:
    return request.param


def node(adapter: Adapter, *arguments: str) -> tuple[int, str]:
    """Runs the runner, and ends whatever it has started with it."""
    with tempfile.TemporaryDirectory(prefix="ringside-dap-") as home:
        environment = {**adapter.environment(home), "RINGSIDE": str(paths.RINGSIDE), "RINGSIDE_GUESTS": str(paths.GUESTS),
                       "RINGSIDE_SOURCES": str(paths.ROOT), "RINGSIDE_NODE_MODULES": str(node_packages.installed())}
        process = subprocess.Popen(["node", DAP / "run.mjs", *arguments], env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        try:
            output, _ = process.communicate(timeout=90 * FACTOR)
            return process.returncode, output
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # the usual case: nothing is left
            process.wait()


def test_every_scenario_is_run(adapter):
    assert node(adapter)[1].split() == list(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_adapter(adapter, scenario):
    for _ in range(3):
        status, output = node(adapter, adapter.kind, scenario)
        if status != AGAIN:
            break
    if lacking := UNSUPPORTED.get((adapter.name, scenario)):
        assert (status, output.strip()) == (LACKING, lacking)
        pytest.skip(f"this adapter lacks {lacking}")
    assert status == 0, output


def test_ringsides_adapter_says_how_to_install_what_it_needs(tmp_path):
    """Without `npm install`: the answer to an editor's first request."""
    shutil.copy(node_packages.EXTENSION / "adapter.js", tmp_path)
    request = '{"seq": 1, "type": "request", "command": "initialize", "arguments": {"adapterID": "ringside"}}'
    done = subprocess.run(["node", tmp_path / "adapter.js"], input=f"Content-Length: {len(request)}\r\n\r\n{request}", text=True,
                          stdout=subprocess.PIPE, check=True, timeout=60 * FACTOR)
    answer = json.loads(done.stdout.partition("\n\n")[2])
    assert not answer["success"]
    assert answer["message"].endswith(f"npm install --ignore-scripts --prefix {tmp_path}")
