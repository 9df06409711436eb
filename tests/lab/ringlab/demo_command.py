"""The command line of tests/lab/demo: guests/demo's tour on a machine that has no usable /dev/kvm itself."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from . import channel, places, ringside, tools
from .errors import LabError
from .run_command import complain
from .runner import HOSTS, boot, end_on_signals

KERNEL = places.GUESTS / "demo64"
SCRIPT = places.DEMO_SCRIPT
# An emulated machine on a busy host may take long for an answer; gdb's own default is 2 seconds.
GDB_PATIENCE = "set remotetimeout 120"


class Listener(threading.Thread):
    """Follows the machine in the background: its kernel's output goes to a file, from which the demo shows it."""

    def __init__(self, events: Iterator[channel.Event], serial: Path, ready: threading.Event):
        super().__init__(daemon=True)
        self._events = events
        self._serial = serial
        self._ready = ready
        self.failure: LabError | None = None

    def run(self) -> None:
        try:
            with self._serial.open("wb", buffering=0) as file:
                for event in self._events:
                    if isinstance(event, channel.Output):
                        file.write(event.data)
        except LabError as error:
            self.failure = error
        self._ready.set()


def main() -> int:
    options = argparse.ArgumentParser(prog="tests/lab/demo", description="Show Ringside on emulated virtualisation hardware.")
    options.add_argument("--host", choices=sorted(HOSTS), default="intel", help="whose virtualisation (default intel)")
    host = options.parse_args().host
    end_on_signals()
    try:
        with tempfile.TemporaryDirectory(prefix="ringside-demo-") as folder:
            return _show(host, Path(folder))
    except KeyboardInterrupt:
        return 130
    except LabError as error:
        return complain(error)


def _show(host: str, folder: Path) -> int:
    """Boot, then hand the terminal to gdb; gdb's exit status."""
    if not KERNEL.is_file():
        raise LabError(f"{KERNEL} is missing: cmake --build --preset release --target guests")
    serial = folder / "serial"
    endpoint = folder / "gdb"
    job = ringside.job(host, ringside.DEFAULT_BINARY, ["-m", "64M", "--serial", "stdio", str(KERNEL)], f"unix:{endpoint}")
    ready = threading.Event()  # the debugger may connect, or the machine has failed
    job.debugger_ready = lambda _: ready.set()
    print(f"Booting a machine with emulated virtualisation hardware ({host}) ...", flush=True)
    with boot(job) as events:
        listener = Listener(events, serial, ready)
        listener.start()
        ready.wait()
        if listener.failure:
            raise listener.failure
        status = _gdb(endpoint, serial)
    if listener.failure and status != 0:
        raise listener.failure
    return status


def _gdb(endpoint: Path, serial: Path) -> int:
    arguments = ["-q", "-nx", "-ex", GDB_PATIENCE, "-ex", f"target remote {endpoint}", "-x", str(SCRIPT)]
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        arguments.insert(0, "-batch")
    environment = dict(os.environ, DEMO_SERIAL=str(serial))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is gdb's
    return subprocess.run([tools.find("gdb"), *arguments, str(KERNEL)], env=environment, check=False, preexec_fn=_take_interrupts).returncode


def _take_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
