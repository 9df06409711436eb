"""The command line of tests/lab/run."""

import argparse
import os
import shlex
import sys
from pathlib import Path

from . import batch, channel, initramfs
from .batch import Test
from .errors import LabError
from .report import BatchReport, follow
from .runner import HOSTS, Job, boot, end_on_signals

STATUS_TIMEOUT = 124  # as timeout(1)
STATUS_LAB_FAILED = 125
STATUS_INTERRUPTED = 130
STATUS_BROKEN_PIPE = 141

DESCRIPTION = """\
Run COMMAND on a machine with real KVM: Debian's kernel with kvm-intel in Bochs, or with kvm-amd in QEMU's TCG.
The exit status is COMMAND's own; 124 if it ran into its time limit; 125, with the console's last lines, if the machine
itself failed. Files that COMMAND names go inside by themselves, to the paths that they have outside, and programs bring
their shared libraries. COMMAND is run by busybox's shell in the current folder's name."""


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="tests/lab/run", description=DESCRIPTION)
    options.add_argument("--host", choices=sorted(HOSTS), required=True, help="whose virtualisation")
    options.add_argument("--cpus", type=int, default=1, metavar="N", help="the machine's CPUs (amd only; default 1)")
    options.add_argument("--memory", type=int, default=1024, metavar="MIB", help="the machine's memory (default 1024)")
    options.add_argument("--append", default="", metavar="TEXT", help="more for the command line of the machine's own kernel")
    options.add_argument("--timeout", type=int, default=300, metavar="S", help="COMMAND's limit by its clock; 0: none")
    options.add_argument("--file", action="append", default=[], metavar="PATH[:DEST]", help="take a file or folder inside")
    options.add_argument("--collect", action="append", default=[], metavar="PATH", help="bring a file back, to its own path")
    options.add_argument("--forward", action="append", default=[], metavar="PORT[:INSIDE]", help="127.0.0.1:PORT outside (amd)")
    options.add_argument("--serial-rsp", metavar="ENDPOINT", help="tcp:HOST:PORT or unix:PATH, joined to /dev/debugger inside")
    options.add_argument("--batch", type=Path, metavar="FILE", help="many commands in one boot: lines of NAME SECONDS COMMAND")
    options.add_argument("--junit", type=Path, metavar="FILE", help="write a batch's results as JUnit XML")
    options.add_argument("command", nargs="*", metavar="COMMAND", help="after --")
    return options


def main() -> int:
    arguments = parser().parse_args()
    if bool(arguments.command) == bool(arguments.batch):
        parser().error("give either a COMMAND or --batch FILE")
    end_on_signals()
    try:
        return _run_batch(arguments) if arguments.batch else _run_one(arguments)
    except KeyboardInterrupt:
        return STATUS_INTERRUPTED
    except BrokenPipeError:  # the reader has closed our output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return STATUS_BROKEN_PIPE
    except LabError as error:
        return complain(error)


def complain(error: LabError) -> int:
    """Tell the user why the lab failed."""
    sys.stdout.flush()
    print(f"lab: {error}", file=sys.stderr)
    if error.details:
        print(error.details.rstrip(), file=sys.stderr)
    return STATUS_LAB_FAILED


def _run_one(arguments: argparse.Namespace) -> int:
    job = _job(arguments, [Test(arguments.command[0], arguments.timeout, _as_shell(arguments.command))])
    with boot(job) as events:
        end = follow(events, other=lambda event: _common(event, job))
    if end is None:
        return STATUS_LAB_FAILED
    if end.status is None:
        print(f"lab: still running after {arguments.timeout} s, killed", file=sys.stderr)
        return STATUS_TIMEOUT
    return end.status


def _run_batch(arguments: argparse.Namespace) -> int:
    """Run all tests in one boot; if one of them takes the machine down, the rest get another boot."""
    tests = batch.read(arguments.batch)
    report = BatchReport(tests, arguments.host)
    lab_status = 0
    first = 0
    try:
        while first < len(tests):
            first = _run_rest(_job(arguments, tests[first:]), report, first)
    except LabError as error:
        lab_status = complain(error)
    if arguments.junit:
        report.write_junit(arguments.junit)
    return report.close() or lab_status


def _run_rest(job: Job, report: BatchReport, first: int) -> int:
    """One boot for the tests from number `first` on; the number of the first one that is left to do."""
    running: int | None = None
    following = first
    try:
        with boot(job) as events:
            for event in events:
                match event:
                    case channel.Begin(number):
                        running = first + number
                        report.begin(running)
                    case channel.Output(data) if running is not None:
                        report.output(running, data)
                    case channel.End(number, status):
                        running, following = None, first + number + 1
                        report.end(first + number, status)
                    case _:
                        _common(event, job)
    except LabError as error:
        if running is None:
            raise
        complain(error)
        report.lost(running, str(error))
        return running + 1
    return following


def _common(event: channel.Event, job: Job) -> None:
    """What means the same for one command and for many."""
    match event:
        case channel.File(path, content):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(content)
        case channel.Missing(path):
            raise LabError(f"there is no {path} inside to bring back")
        case channel.Note(data) if data.strip():
            print(f"lab: the machine says: {data.decode(errors='replace').strip()}", file=sys.stderr)
        case channel.Done(count) if count != len(job.tests):
            raise LabError(f"{count} of {len(job.tests)} commands ran")


def _job(arguments: argparse.Namespace, tests: list[Test]) -> Job:
    files: dict[str, Path] = {}
    for item in arguments.file:
        outside, _, inside = item.partition(":")
        path = Path(os.path.abspath(outside))
        files.update(initramfs.expand(inside or str(path), path))
    return Job(
        host=arguments.host,
        tests=tests,
        files=files,
        collect=[os.path.abspath(path) for path in arguments.collect],
        cpus=arguments.cpus,
        memory_mib=arguments.memory,
        append=arguments.append,
        forwards=[_forward(item) for item in arguments.forward],
        debugger_endpoint=arguments.serial_rsp,
    )


def _forward(item: str) -> tuple[int, int]:
    outside, _, inside = item.partition(":")
    try:
        return int(outside), int(inside or outside)
    except ValueError as error:
        raise LabError(f"--forward {item}: expected PORT or PORT:INSIDE") from error


def _as_shell(words: list[str]) -> str:
    """The command as a line of shell; a shell script outside is run by busybox's shell whatever its first line names."""
    program = Path(words[0])
    if "/" in words[0] and program.is_file() and not program.read_bytes().startswith(b"\x7fELF"):
        words = ["sh", *words]
    return shlex.join(words)
