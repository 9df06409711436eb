"""Files that a command writes inside for the user outside: what `monitor dump` and others make (vmm/cli/lab_monitor.h).

The other end's frames are described in vmm/cli/file_line.h. A command may write what the user may write, as it may on this
host's own KVM.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

ENVIRONMENT = "RINGSIDE_FILES=/dev/files"  # for Ringside inside: which device it is


class FileLine:
    """Takes files from the machine's line, in a thread, until the machine ends."""

    def __init__(self, line: int):
        self._line = os.fdopen(os.dup(line), "r+b", buffering=0)  # stays ours when the machine has ended and the number is reused
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        with self._line, open(self._line.fileno(), "rb", closefd=False) as reader, suppress(OSError, ValueError, EOFError):
            while header := reader.readline():
                word, length, size, mode = header.split()
                if word == b"file":
                    self._answer(_receive(reader, Path(os.fsdecode(_exactly(reader, int(length)))), int(size), int(mode, 8)))

    def _answer(self, text: str) -> None:
        data = text.encode(errors="replace") + b"\n"
        while data:
            data = data[self._line.write(data) or 0 :]


def _receive(reader: BinaryIO, path: Path, size: int, mode: int) -> str:
    """Take one file. It appears when it is whole; until then what was there stays. The answer is `done`, or what went wrong."""
    sink, wrong = _begin(path, mode)
    try:
        while (words := _exactly_line(reader).split())[0] == b"data":
            offset, data = int(words[1]), _exactly(reader, int(words[2]))
            if not wrong:
                wrong = _failure(lambda: _write(sink, offset, data))
        if not wrong:
            wrong = _failure(lambda: _finish(sink, path, size)) if words[0] == b"end" else "it was not sent to its end"
    finally:
        if sink >= 0:
            os.close(sink)
            with suppress(OSError):
                _part(path).unlink()
    return wrong or "done"


def _part(path: Path) -> Path:
    """Where the file grows. The file that a symbolic link names is replaced, not the link."""
    real = Path(os.path.realpath(path))
    return real.with_name(f"{real.name}.part")


def _begin(path: Path, mode: int) -> tuple[int, str]:
    try:
        if path.exists() and not path.is_file():
            return -1, "what is there is not a regular file. Choose another name"
        return os.open(_part(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), ""
    except (OSError, ValueError) as error:
        return -1, _words(error)


def _write(sink: int, offset: int, data: bytes) -> None:
    while data:
        count = os.pwrite(sink, data, offset)
        offset, data = offset + count, data[count:]


def _finish(sink: int, path: Path, size: int) -> None:
    os.truncate(sink, size)
    _part(path).rename(os.path.realpath(path))


def _failure(action: Callable[[], object]) -> str:
    try:
        action()
    except OSError as error:
        return _words(error)
    return ""


def _words(error: Exception) -> str:
    """In one line: a file's name may have line ends."""
    text = (isinstance(error, OSError) and error.strerror) or str(error)
    return text.replace("\n", " ")


def _exactly(reader: BinaryIO, size: int) -> bytes:
    data = reader.read(size)
    if len(data) != size:
        raise EOFError
    return data


def _exactly_line(reader: BinaryIO) -> bytes:
    line = reader.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return line
