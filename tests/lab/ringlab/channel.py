"""What the machine inside reports, over a serial line that carries nothing else.

The line carries the commands' raw output and, between, marks of the lab's /init (guest/init). A mark is the ASCII record
separator (RS, 0x1e), `@`, the run's random token, so that no output can look like one, its words, and a line end:

    @TOKEN started                       the machine has taken the job and unpacks its files
    @TOKEN begin N                       command N starts; its output follows
    @TOKEN end N STATUS BYTES MD5        it ended; STATUS is a number or `timeout`; BYTES and MD5 are of its output
    @TOKEN file BYTES MD5 PATH           a file that was asked for; BYTES bytes follow, gzipped
    @TOKEN missing PATH                  such a file does not exist
    @TOKEN fatal TEXT                    the machine cannot do its work
    @TOKEN done N                        all N commands ended and all is sent

Only `done` closes a run: whatever the reason that it does not come, the run has failed.

Before it has a job the machine knows no token. Then it sends `RS @ready` once, or `RS @failed TEXT`, and waits for a line
`TOKEN SECONDS-SINCE-1970` on the same line.
"""

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import LabError

RECORD_SEPARATOR = b"\x1e"
READY = RECORD_SEPARATOR + b"@ready\n"
FAILED = RECORD_SEPARATOR + b"@failed "


def job_line(token: str, now: float) -> bytes:
    """What gives a waiting machine its job. The first line end is for a serial port that loses a byte as it is restored."""
    return f"\n{token} {int(now)}\n".encode()


@dataclass(frozen=True)
class Started:
    """The machine has its job."""


@dataclass(frozen=True)
class Begin:
    number: int


@dataclass(frozen=True)
class Output:
    data: bytes


@dataclass(frozen=True)
class End:
    number: int
    status: int | None  # None: it ran into its time limit and was killed


@dataclass(frozen=True)
class File:
    path: str
    content: bytes


@dataclass(frozen=True)
class Missing:
    path: str


@dataclass(frozen=True)
class Note:
    """What /init's shell itself wrote outside any command: a complaint of a tool, for people to read."""

    data: bytes


@dataclass(frozen=True)
class Done:
    count: int


Event = Started | Begin | Output | End | File | Missing | Note | Done


class Decoder:
    """Turns the line's bytes into events. Damage of any kind raises LabError; nothing is skipped over."""

    def __init__(self, token: str):
        self._mark = RECORD_SEPARATOR + b"@" + token.encode() + b" "
        self._buffer = bytearray()
        self._running: int | None = None
        self._output_bytes = 0
        self._output_md5 = hashlib.md5(usedforsecurity=False)
        self._file: tuple[str, int, str] | None = None

    def feed(self, data: bytes) -> Iterator[Event]:
        """All events that are complete with these bytes."""
        self._buffer += data
        while True:
            event = self._file_event() if self._file else self._next_event()
            if event is None:
                return
            yield event

    def _file_event(self) -> Event | None:
        assert self._file is not None
        path, size, md5 = self._file
        if len(self._buffer) < size:
            return None
        content = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._file = None
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
            raise LabError(f"{path} was damaged on its way out of the machine")
        return File(path, gzip.decompress(content))

    def _next_event(self) -> Event | None:
        """The text in front of the next mark, or the mark itself; None when more bytes are needed."""
        start = self._buffer.find(self._mark)
        if start < 0:
            return self._text(len(self._buffer) - self._possible_mark())
        if start > 0:
            return self._text(start)
        stop = self._buffer.find(b"\n", len(self._mark))
        if stop < 0:
            return None
        words = self._buffer[len(self._mark) : stop].decode(errors="replace")
        del self._buffer[: stop + 1]
        try:
            return self._mark_event(*words.split(" "))
        except (IndexError, TypeError, ValueError) as error:
            raise LabError(f"the machine sent a damaged mark: {words!r}") from error

    def _possible_mark(self) -> int:
        """How many bytes at the buffer's end could be the beginning of a mark."""
        for length in range(min(len(self._mark) - 1, len(self._buffer)), 0, -1):
            if self._buffer.endswith(self._mark[:length]):
                return length
        return 0

    def _text(self, size: int) -> Event | None:
        if size == 0:
            return None
        text = bytes(self._buffer[:size])
        del self._buffer[:size]
        if self._running is None:
            return Note(text)
        self._output_bytes += size
        self._output_md5.update(text)
        return Output(text)

    def _mark_event(self, kind: str, *words: str) -> Event | None:
        match kind:
            case "started":
                return Started()
            case "begin":
                return self._begin(*words)
            case "end":
                return self._end(*words)
            case "file":
                size, md5, first, *more = words  # a path may hold spaces
                self._file = (" ".join((first, *more)), int(size), md5)
                return self._file_event()
            case "missing":
                return Missing(" ".join(words))
            case "fatal":
                raise LabError("the machine cannot work: " + " ".join(words))
            case "done":
                return Done(int(words[0]))
        raise ValueError(kind)

    def _begin(self, number: str) -> Begin:
        if self._running is not None:
            raise ValueError("a command began inside another")
        self._running = int(number)
        self._output_bytes = 0
        self._output_md5 = hashlib.md5(usedforsecurity=False)
        return Begin(self._running)

    def _end(self, number: str, status: str, size: str, md5: str) -> End:
        if self._running != int(number):
            raise ValueError("another command ended than began")
        if self._output_bytes != int(size) or self._output_md5.hexdigest() != md5:
            raise LabError(f"command {number} wrote {size} bytes, of which {self._output_bytes} arrived, or they are damaged")
        self._running = None
        return End(int(number), None if status == "timeout" else int(status))
