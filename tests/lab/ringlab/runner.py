"""From a job (which host, which commands, which files) to a booted machine and the events of its report."""

import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import bridge, channel, initramfs, kernel
from .batch import Test, named_files
from .bochs import Bochs
from .emulator import Emulator, Setup
from .errors import LabError
from .qemu import Qemu
from .session import Session, slowness

HOSTS: dict[str, type[Emulator]] = {"intel": Bochs, "amd": Qemu}


@dataclass
class Job:
    """What to run, and where. Paths inside are absolute."""

    host: str
    tests: list[Test]
    files: dict[str, Path] = field(default_factory=dict)  # path inside -> file outside
    collect: list[str] = field(default_factory=list)  # paths inside, sent out at the end
    folder: str = field(default_factory=os.getcwd)  # where the commands run, inside
    cpus: int = 1
    memory_mib: int = 1024
    append: str = ""  # to the machine's kernel command line
    forwards: list[tuple[int, int]] = field(default_factory=list)
    debugger_endpoint: str | None = None  # where outside a debugger connects to /dev/ttyS1 inside
    debugger_ready: Callable[[str], None] = lambda endpoint: print(  # called when the first command begins
        f"lab: a debugger may connect to {endpoint}", file=sys.stderr, flush=True
    )


@contextmanager
def boot(job: Job) -> Iterator[Iterator[channel.Event]]:
    """Boot the job's machine and give its events; the machine is gone when the context is left, whatever happens."""
    _check(job)
    host = HOSTS[job.host]
    files = dict(job.files)
    for test in job.tests:
        files.update({str(path): path for path in named_files(test.command)})
    tests = [replace(test, seconds=round(test.seconds * slowness())) for test in job.tests]
    modules = (host.module, *(initramfs.NETWORK_MODULES if job.forwards else ()))
    token = secrets.token_hex(8)
    linux = kernel.prepare()
    base = initramfs.base_archive(linux, initramfs.Contents(modules, files)).read_bytes()
    run = initramfs.run_archive(token, job.folder, tests, job.collect, bool(job.forwards))
    listener = bridge.listen(job.debugger_endpoint) if job.debugger_endpoint else None
    with tempfile.TemporaryDirectory(prefix="ringside-lab-") as folder:
        setup = Setup(linux, [base, run], Path(folder), job.cpus, job.memory_mib, listener is not None, job.append, job.forwards)
        with host(setup) as emulator:
            events = Session(emulator, token, tests).events()
            if listener:
                bridge.Bridge(listener, emulator.debugger)
                events = _announce(events, lambda: job.debugger_ready(bridge.name_of(listener)))
            yield events


def _announce(events: Iterator[channel.Event], ready: Callable[[], None]) -> Iterator[channel.Event]:
    """The same events; a debugger that came before the first command would lose patience during the boot."""
    for event in events:
        if isinstance(event, channel.Begin) and event.number == 0:
            ready()
        yield event


def _check(job: Job) -> None:
    if job.host == "intel" and job.cpus > 1:
        raise LabError("lab-intel has one CPU: Debian builds Bochs without SMP")
    if job.host == "intel" and job.forwards:
        raise LabError("lab-intel has no network: use --serial-rsp")


def end_on_signals() -> None:
    """Leave by an exception on SIGTERM and SIGHUP, as Python does on SIGINT, so that every context is left in order."""

    def leave(number: int, _: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
