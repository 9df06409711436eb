"""gdb outside, a guest inside the lab's AMD machine, and QEMU's user network between them.

/usr/bin/python3 -m tests.lab.network_session --ringside PROGRAM --guest demo64
"""

import argparse
import socket
import subprocess
import sys
from pathlib import Path

from tests.harness.gdb import GdbSession
from tests.harness.streams import Collector

LIMIT = 120  # seconds, for the machine's start
INSIDE = 1234


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def debug(gdb: GdbSession, port: int) -> str:
    """What is wrong; empty if nothing is."""
    gdb.connect(port)
    entry = gdb.integer("$pc")
    for _ in range(3):
        gdb.run("stepi")
    if gdb.integer("$pc") == entry:
        return "three steps lead nowhere"
    if "pvh_entry" not in gdb.console("info symbol $pc"):
        return f"the guest is not at its entry: {gdb.console('info symbol $pc')}"
    gdb.console("kill")
    return ""


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--ringside", type=Path, required=True)
    options.add_argument("--guest", type=Path, required=True)
    arguments = options.parse_args()
    port = free_port()
    machine = subprocess.Popen(
        [Path(__file__).parent / "run", "--host", "amd", "--forward", f"{port}:{INSIDE}", "--", arguments.ringside.resolve(), "run",
         "--wait", f"--gdb=tcp:0.0.0.0:{INSIDE}", "-m", "64M", arguments.guest.resolve()],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = Collector(machine.stdout)
    gdb = GdbSession(arguments.guest)
    try:
        output.wait_for("gdb: listening on", LIMIT)
        problem = debug(gdb, port)
        status = machine.wait(LIMIT)
        if not problem and status != 0:
            problem = f"the machine ended with status {status} after gdb's kill"
    finally:
        gdb.close()
        machine.terminate()
        machine.wait()
        output.join()
    if problem:
        print(f"{problem}\n-- the lab:\n{output.text()}\n{gdb.transcript()}", file=sys.stderr, flush=True)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
