"""The standard streams of a command inside, kept apart on the one line that its output takes. guest/init has made the pipes.

The command's errors are marked lines in the stream of its output. The marks hold a random word, so that no guest can make one.
"""

import secrets
import shlex

from . import file_line

CONTROL = "/dev/ttyS0"  # inside: a line of text is the name of a signal for the command
INPUT = "/dev/ttyS2"
MARK = b"\x1e"


class Splitter:
    """Takes the stream apart. What comes out: the command's output, lines of its errors, and that it takes signals."""

    def __init__(self) -> None:
        self._word = secrets.token_hex(8)
        self._mark = MARK + self._word.encode()
        self._buffer = b""

    def command(self, words: list[str], takes_input: bool) -> str:
        """`words` as a line of shell that writes such a stream."""
        mark = f"\\036{self._word}"
        source = "/run/input" if takes_input else "/dev/null"
        # Not cat: busybox's waits for input by sendfile(), which locks the pipe meanwhile.
        feed = f"dd bs=256 <{INPUT} >/run/input 2>/dev/null & " if takes_input else ""
        return (
            f"{feed}while IFS= read -r line; do printf '{mark}:%s\\n' \"$line\"; done </run/errors & errors=$!; "
            f"{file_line.ENVIRONMENT} {shlex.join(words)} <{source} 2>/run/errors & program=$!; "
            f"{{ printf '{mark}!\\n'; while read -r signal; do [ -z \"$signal\" ] || kill -\"$signal\" $program; done; }} <{CONTROL} & "
            "wait $program; status=$?; wait $errors; exit $status"
        )

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """What is complete: ("output", bytes), ("error", line) or ("ready", b"")."""
        self._buffer += data
        found: list[tuple[str, bytes]] = []
        while self._buffer:
            start = self._buffer.find(self._mark)
            if start < 0:
                start = len(self._buffer) - self._possible_mark()
                self._output(found, start)
                break
            self._output(found, start)
            stop = self._buffer.find(b"\n")
            if stop < 0:
                break
            kind, text = self._buffer[len(self._mark) : len(self._mark) + 1], self._buffer[len(self._mark) + 1 : stop]
            self._buffer = self._buffer[stop + 1 :]
            found.append(("error", text) if kind == b":" else ("ready", b""))
        return found

    def _output(self, found: list[tuple[str, bytes]], size: int) -> None:
        if size:
            found.append(("output", self._buffer[:size]))
            self._buffer = self._buffer[size:]

    def _possible_mark(self) -> int:
        """How many bytes at the buffer's end could be the beginning of a mark."""
        for length in range(min(len(self._mark) - 1, len(self._buffer)), 0, -1):
            if self._buffer.endswith(self._mark[:length]):
                return length
        return 0
