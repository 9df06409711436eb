"""gdb's `target remote | COMMAND`: its packets on our standard input and output, joined to a socket once there is one."""

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# gdb waits 2 seconds for an answer. Every byte before the answer restarts them, and an extra acknowledgement is ignored.
STILL_HERE = b"+"
INTERVAL = 0.5


class PacketPipe:
    """`on_end` is called, on a thread, when the client has closed its end."""

    def __init__(self, on_end: Callable[[], None]):
        self._on_end = on_end
        self._joined = threading.Event()
        self._waits = threading.Event()  # the client has asked something
        self._socket = socket.socket(socket.AF_UNIX)
        threading.Thread(target=self._receive, daemon=True).start()
        threading.Thread(target=self._hold, daemon=True).start()

    def join(self, path: Path) -> None:
        self._socket.connect(str(path))
        self._joined.set()
        threading.Thread(target=self._send, daemon=True).start()

    def _receive(self) -> None:
        with suppress(OSError):
            while data := os.read(0, 65536):
                self._waits.set()
                self._joined.wait()
                self._socket.sendall(data)
        self._on_end()

    def _hold(self) -> None:
        self._waits.wait()
        with suppress(OSError):
            while not self._joined.wait(INTERVAL):
                os.write(1, STILL_HERE)

    def _send(self) -> None:
        with suppress(OSError):
            while data := self._socket.recv(65536):
                while data:
                    data = data[os.write(1, data) :]
