"""`ringside run|gdb|doctor --host intel|amd`: the program hands its parsed command line over and this takes its place.

All that the command reads goes into an emulated machine, and all that it writes comes back. Its terminal, its debugger and
the signals that it is sent are passed on.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import FrameType

from . import channel, gdb_command, handover, tools
from .batch import Test
from .console import Outside
from .errors import LabError
from .handover import Handover, Plan
from .packet_pipe import PacketPipe
from .ringside import LISTENS
from .runner import Job, boot
from .session import Session, slowness
from .streams import Splitter

STATUS_FAILED = 1  # as Ringside's own when the monitor cannot go on
GRACE = 10  # seconds that a command may take to end by a signal; a guest that takes all of the machine's time keeps it from that


class Run:
    """One command in the lab."""

    def __init__(self, given: Handover, made: Plan, folder: Path):
        self._given = given
        self._made = made
        self._folder = folder
        self._splitter = Splitter()
        self._outside = Outside(made.console, "--serial" if given.serial == made.console else "--virtio-console")
        self._takes_input = given.command != "doctor" and self._outside.takes_input()
        if given.command == "gdb" and made.console.kind == "stdio":
            self._takes_input = False  # it is gdb's
        self._session: Session | None = None
        self._takes_signals = False
        self._pending = ""  # a signal for the command, once it takes any
        self._status: int | None = None  # what we end with, if not with the command's own
        self._gdb: subprocess.Popen[bytes] | None = None
        self._gdb_ended = threading.Event()
        self._pipe: PacketPipe | None = None

    def run(self) -> int:
        """The status to end with."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGALRM, self._give_up)
        if self._given.command == "gdb":
            tools.find("gdb")
        job = self._job()
        if self._given.gdb == "stdio":
            self._pipe = PacketPipe(lambda: self._end("TERM", 0))
        try:
            ended = self._follow(job)
        finally:
            if self._gdb is not None:
                self._gdb_ended.wait()  # its prompt outlives the guest, and the machine
        if self._status is not None:
            return self._status
        return STATUS_FAILED if ended is None else ended

    def _follow(self, job: Job) -> int | None:
        """Run the job; returns the command's exit status."""
        ended: int | None = None
        with self._outside, boot(job) as events:
            for event in events:
                match event:
                    case channel.Output(data):
                        self._take(data)
                    case channel.End(_, status):
                        ended = status
                        signal.alarm(0)
                    case channel.File(path, content):
                        Path(path).write_bytes(content)
                    case channel.Note(data) if data.strip():
                        print(f"lab: the machine says: {data.decode(errors='replace').strip()}", file=sys.stderr)
        return ended

    def _job(self) -> Job:
        made = self._made
        test = Test("ringside", 0, self._splitter.command(made.words, self._takes_input))
        program = Path(self._given.program)
        job = Job(
            host=self._given.host,
            tests=[test],
            files={str(program): program, **made.files},
            collect=made.collect,
            memory_mib=made.memory_mib(self._given.memory),
            joined=self._join,
        )
        if made.serves_debugger:
            served_outside = self._given.gdb not in ("", "stdio")
            job.debugger_endpoint = self._given.gdb if served_outside else f"unix:{self._folder / 'gdb'}"
            job.debugger_sign = LISTENS
            job.debugger_ready = self._debugger_ready
        return job

    def _join(self, session: Session) -> None:
        self._session = session
        if self._takes_input:
            self._outside.start_input(session.send_input, lambda: self._end("TERM", 0))

    def _take(self, data: bytes) -> None:
        for kind, text in self._splitter.feed(data):
            if kind == "output":
                if not self._gdb_ended.is_set():  # then the guest is about to end, too
                    self._outside.write(text)
            elif kind == "ready":
                self._takes_signals = True
                self._send_pending()
            elif not text.startswith(LISTENS):  # that is said of the endpoint outside
                sys.stderr.buffer.write(text + b"\n")
                sys.stderr.flush()

    def _debugger_ready(self, endpoint: str) -> None:
        if self._given.command == "gdb":
            self._start_gdb()
        elif self._pipe is not None:
            print("gdb: listening on stdio", file=sys.stderr, flush=True)
            self._pipe.join(self._folder / "gdb")
        else:
            print(f"gdb: listening on {endpoint}", file=sys.stderr, flush=True)

    def _start_gdb(self) -> None:
        gdb = [tools.find("gdb"), *self._given.gdb_command[1:]]
        words = gdb_command.words(gdb, self._folder / "gdb", Path(self._given.program), self._given.gdb_arguments())
        self._gdb = subprocess.Popen(words)
        threading.Thread(target=self._wait_for_gdb, args=(self._gdb,), daemon=True).start()

    def _wait_for_gdb(self, gdb: "subprocess.Popen[bytes]") -> None:
        status = gdb.wait()
        self._end("TERM", status if status >= 0 else 128 - status)
        self._gdb_ended.set()

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._gdb is not None:
            if number == signal.SIGINT:
                return  # Ctrl-C is gdb's
            self._gdb.terminate()
        if self._status is not None or not self._session:
            sys.exit(128 + number)  # it is wanted urgently, or nothing runs yet
        self._end(signal.Signals(number).name.removeprefix("SIG"), 128 + number)

    def _end(self, name: str, status: int) -> None:
        """Let the command end by a signal, so that its files are whole and come back; then end with `status`."""
        if self._status is None:
            self._status = status
            signal.alarm(round(GRACE * slowness()))
        self._pending = name
        if self._takes_signals:
            self._send_pending()

    def _give_up(self, *_: object) -> None:
        print("lab: the guest keeps the command from ending, and the machine ends without it", file=sys.stderr)
        sys.exit(self._status)

    def _send_pending(self) -> None:
        if self._pending and self._session:
            with suppress(OSError):  # the machine has ended, and the command with it
                self._session.send_control(f"\n{self._pending}\n".encode())
            self._pending = ""


def main(text: str) -> int:
    given = handover.read(text)
    try:
        made = handover.plan(given)
        with tempfile.TemporaryDirectory(prefix="ringside-gdb-") as folder:
            return Run(given, made, Path(folder)).run()
    except LabError as error:
        sys.stdout.flush()
        print(f"ringside: {error}", file=sys.stderr)
        if error.details:
            print(error.details.rstrip(), file=sys.stderr)
        return STATUS_FAILED
    except OSError as error:
        print(f"ringside: {error.filename or 'the lab'}: {error.strerror}", file=sys.stderr)
        return STATUS_FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except SystemExit as end:
        return int(end.code or 0)
