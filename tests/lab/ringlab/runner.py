"""From a job (which host, which commands, which files) to a booted machine and the events of its report."""

import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import bridge, channel, endpoint, file_line, initramfs, job_disk, kernel, progress, saved
from .batch import Test, named_files
from .bochs import Bochs
from .emulator import Emulator, Setup
from .errors import LabError, writing
from .qemu import Qemu
from .session import Session, slowness

RESIDENT = "ringside"  # the program whose shared libraries are part of every saved machine
LARGEST_SAVED_DISK = 256 << 20  # a larger job boots its own machine: saved ones would fill the cache

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
    debugger_endpoint: str | None = None  # where outside a debugger connects to ringside.LINE inside
    # What a command writes when its stub listens to it. The endpoint refuses connections until the first command
    # has written it, and between commands a client's bytes wait for it. Empty: the stub is there as soon as a command begins.
    debugger_sign: bytes = b""
    debugger_ready: Callable[[str], None] = lambda endpoint: print(  # called when a debugger may connect
        f"lab: a debugger may connect to {endpoint}", file=sys.stderr, flush=True
    )
    joined: Callable[[Session], None] = lambda session: None  # called with the machine that has taken the job
    save: bool = True  # start from a saved machine, made at the first use; false: boot


@contextmanager
def boot(job: Job) -> Iterator[Iterator[channel.Event]]:
    """Start the job's machine and yield its events; the machine is ended when the context is left, whatever happens.

    It starts from a saved state (saved.py) unless there can be none; only how long it takes shows that. The first event is
    the first command's Begin.
    """
    _check(job)
    host = HOSTS[job.host]
    token = secrets.token_hex(8)
    with ExitStack() as stack:
        listener = stack.enter_context(endpoint.reserve(job.debugger_endpoint)) if job.debugger_endpoint else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringside-lab-")))
        tests = [replace(test, seconds=round(test.seconds * slowness())) for test in job.tests]
        with progress.stage("preparing the machine's kernel and files"), writing(folder.parent, "name another place in TMPDIR"):
            setup = _setup(job, host, tests, folder)
        session = _started(stack, host, setup, token, tests, job.save)
        job.joined(session)
        events = session.events()
        if listener:
            file_line.FileLine(session.files)
            events = _served(events, bridge.Bridge(listener, session.debugger), job)
        yield events


def _setup(job: Job, host: type[Emulator], tests: list[Test], folder: Path) -> Setup:
    """Write all that the machine starts from."""
    files = dict(job.files)
    for test in job.tests:
        files.update({str(path): path for path in named_files(test.command)})
    libraries = initramfs.with_libraries({name: path for name, path in files.items() if path.name == RESIDENT})
    resident = frozenset(path for name, path in libraries.items() if name not in files)
    carried = {name: path for name, path in initramfs.with_libraries(files).items() if path not in resident}
    linux = kernel.prepare()
    modules = (host.module, *host.device_modules, *(initramfs.NETWORK_MODULES if job.forwards else ()))
    base = initramfs.base_archive(linux, initramfs.Contents(modules, resident))
    if job.debugger_endpoint:  # the machine's clock is no measure while it waits for someone outside
        tests = [replace(test, seconds=0) for test in tests]
    disk = folder / "job"
    job_disk.write(disk, carried, job_disk.settings(job.folder, tests, job.collect, bool(job.forwards)))
    return Setup(linux, base, folder, disk, job.cpus, job.memory_mib, bool(job.debugger_endpoint), job.append, job.forwards)


def _started(stack: ExitStack, host: type[Emulator], setup: Setup, token: str, tests: list[Test], save: bool) -> Session:
    """A machine that has taken its job, until `stack` is left."""
    if save and setup.disk.stat().st_size <= LARGEST_SAVED_DISK:
        with progress.stage("starting the machine; the first time it boots and is saved"):
            state = saved.state_for(host, setup)
            session = _restored(stack, host, setup, state, token, tests) if state else None
        if session:
            return session
    with progress.stage("booting the machine"):
        booted = replace(setup, folder=setup.folder / "booted")
        booted.folder.mkdir()
        session = Session(stack.enter_context(host(booted)), token, tests)
        session.wait_until_ready()
        session.start()
        return session


def _restored(
    stack: ExitStack, host: type[Emulator], setup: Setup, state: saved.State, token: str, tests: list[Test]
) -> Session | None:
    """A machine that resumes from a saved state; None if it does not, and then the state is removed."""
    with ExitStack() as attempt:
        try:
            session = Session(attempt.enter_context(host(replace(setup, saved=state.folder))), token, tests)
            session.start()
        except (LabError, OSError) as error:
            print(f"lab: the saved machine does not start and is removed: {error}", file=sys.stderr)
            state.discard()
            return None
        stack.push(attempt.pop_all())
        return session


def _served(events: Iterator[channel.Event], joined: bridge.Bridge, job: Job) -> Iterator[channel.Event]:
    """The same events; the debugger's way in is open while there is a stub to talk to."""
    announced = False
    said = b""
    try:
        for event in events:
            if isinstance(event, channel.Begin):
                said = b""
            elif isinstance(event, channel.Output):
                said = said[-len(job.debugger_sign) :] + event.data
            elif isinstance(event, channel.End):
                joined.hold()
            if isinstance(event, channel.Begin | channel.Output) and job.debugger_sign in said and not joined.is_open():
                joined.open()
                if not announced:
                    announced = True
                    job.debugger_ready(joined.name)
            yield event
    finally:
        joined.close()


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
