"""The command line of tests/lab/gdb-server."""

import argparse
from pathlib import Path

from . import ringside
from .errors import LabError
from .report import follow
from .run_command import STATUS_INTERRUPTED, STATUS_LAB_FAILED, complain
from .runner import HOSTS, boot, end_on_signals

DESCRIPTION = """\
Boot KERNEL under Ringside on emulated virtualisation hardware, stopped at its first instruction, and serve it to a debugger
outside: `gdb KERNEL -ex 'target remote 127.0.0.1:1234'`. What the kernel writes to its serial port comes to standard
output. It ends with Ringside, or with Ctrl-C."""


def main() -> int:
    options = argparse.ArgumentParser(prog="tests/lab/gdb-server", description=DESCRIPTION)
    options.add_argument("--host", choices=sorted(HOSTS), default="intel", help="whose virtualisation (default intel)")
    options.add_argument("--endpoint", default="tcp:127.0.0.1:1234", help="tcp:HOST:PORT or unix:PATH; port 0: a free one")
    options.add_argument("--ringside", type=Path, default=ringside.DEFAULT_BINARY, metavar="PATH", help="the binary to run")
    options.add_argument("arguments", nargs="+", metavar="ARGUMENT", help="after --: what `ringside run` takes, with KERNEL")
    chosen = options.parse_args()
    end_on_signals()
    try:
        return serve(chosen)
    except KeyboardInterrupt:
        return STATUS_INTERRUPTED
    except LabError as error:
        return complain(error)


def serve(chosen: argparse.Namespace) -> int:
    """Ringside's own exit status."""
    with boot(ringside.job(chosen.host, chosen.ringside, chosen.arguments, chosen.endpoint)) as events:
        end = follow(events, other=lambda _: None)
    return STATUS_LAB_FAILED if end is None or end.status is None else end.status
