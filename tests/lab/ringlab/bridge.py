"""A debugger's way in: one end is the machine's serial line, the other a TCP or unix socket that gdb connects to."""

import os
import socket
import threading
from contextlib import suppress

from .endpoint import name_of

# gdbstub/wire.h: ends a packet that the client has cut short, and says that the client has left. The answer follows everything
# that the stub was still sending.
HANGUP = b"#00\x04"
HUNG_UP = b"#\x04"
ANSWER_SECONDS = 10  # a stub that is not Ringside's does not answer


class Bridge:
    """Carries bytes both ways, for one client after the other, until the process ends. A second one at the same time is refused.

    Each direction has its own thread, so that neither can hold up the other or the lab's loop. What the machine sends while
    no client is there is dropped, as a serial cable with nothing at its end would.
    """

    def __init__(self, server: socket.socket, line: int):
        self._server = server
        self._line = os.dup(line)  # stays ours even when the machine has ended and the number is reused
        self._client: socket.socket | None = None
        self._turn = threading.Lock()  # held by the client that the stub talks to
        self._open = threading.Event()
        self._idle = threading.Event()  # the stub says no more to the last client
        self._idle.set()
        self._listens = False
        self.name = name_of(server)
        threading.Thread(target=self._send, daemon=True).start()

    def open(self) -> None:
        """There is someone inside who listens: take clients, and pass on what they send."""
        self._open.set()
        if not self._listens:
            self._listens = True
            self._server.listen(1)
            threading.Thread(target=self._serve, daemon=True).start()

    def hold(self) -> None:
        """Nothing inside listens for now: keep what a client sends until open()."""
        self._open.clear()
        self._idle.set()

    def is_open(self) -> bool:
        return self._open.is_set()

    def close(self) -> None:
        """The machine has ended, and the client's peer with it. A client that waits for a stop would wait forever."""
        with suppress(OSError):
            if client := self._client:
                client.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._attend, args=(client,), daemon=True).start()

    def _attend(self, client: socket.socket) -> None:
        with client, suppress(OSError):  # the client or the machine has ended
            if client.family != socket.AF_UNIX:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not client.recv(1, socket.MSG_PEEK):
                return
            first = self._client
            if first is not None and not _has_gone(first):
                _refuse(client, first)
                return
            with self._turn:
                self._client = client
                try:
                    self._receive(client)
                finally:
                    self._client = None
                    self._hang_up()

    def _hang_up(self) -> None:
        """The next client must not get what was meant for this one."""
        if self._open.is_set():
            self._idle.clear()
            _write(self._line, HANGUP)
            self._idle.wait(ANSWER_SECONDS)

    def _receive(self, client: socket.socket) -> None:
        while True:
            data = client.recv(65536)
            if not data:
                return
            self._open.wait()
            _write(self._line, data)

    def _send(self) -> None:
        last = b""
        with suppress(OSError):
            while data := os.read(self._line, 65536):
                last += data
                if HUNG_UP in last:
                    self._idle.set()
                last = last[-1:]
                if client := self._client:
                    with suppress(OSError):
                        client.sendall(data)


def _write(line: int, data: bytes) -> None:
    while data:
        data = data[os.write(line, data) :]


def _has_gone(client: socket.socket) -> bool:
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _refuse(client: socket.socket, first: socket.socket) -> None:
    """Answers the greeting as the stub does when it listens itself: gdb shows the words."""
    while (data := client.recv(65536)) and b"#" not in data:
        pass
    who = "a local client" if first.family == socket.AF_UNIX else "{}:{}".format(*first.getpeername()[:2])
    words = f"E.another debugger ({who}) is attached to this guest: detach it first".encode()
    client.sendall(b"+$%s#%02x" % (words, sum(words) % 256))
