"""gdb outside, a guest inside the lab's AMD machine, and QEMU's user network between them."""

import socket
import subprocess
from pathlib import Path

import pytest

from tests.harness import paths
from tests.harness.gdb import GdbSession
from tests.harness.streams import Collector

LIMIT = 120  # seconds, for the machine's start
INSIDE = 1234


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def debug(gdb: GdbSession, port: int) -> None:
    gdb.connect(port)
    entry = gdb.integer("$pc")
    for _ in range(3):
        gdb.run("stepi")
    assert gdb.integer("$pc") != entry, "three steps lead nowhere"
    assert "pvh_entry" in gdb.console("info symbol $pc")
    gdb.console("kill")


@pytest.mark.boots
def test_gdb_over_the_machines_network() -> None:
    port, guest = free_port(), (paths.GUESTS / "demo64").resolve()
    machine = subprocess.Popen(
        [Path(__file__).parent / "run", "--host", "amd", "--forward", f"{port}:{INSIDE}", "--", paths.RINGSIDE.resolve(), "run",
         "--wait", f"--gdb=tcp:0.0.0.0:{INSIDE}", "-m", "64M", guest],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = Collector(machine.stdout)
    gdb = GdbSession(guest)
    try:
        output.wait_for("gdb: listening on", LIMIT)
        debug(gdb, port)
        assert machine.wait(LIMIT) == 0, "the machine's status after gdb's kill"
    except BaseException:
        print(f"-- the lab:\n{output.text()}\n{gdb.transcript()}")
        raise
    finally:
        gdb.close()
        machine.terminate()
        machine.wait()
        output.join()
