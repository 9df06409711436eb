"""A debugger's way in: one end is the machine's serial line, the other a TCP or unix socket that gdb connects to."""

import os
import socket
import threading
from contextlib import suppress

from .errors import LabError

# gdbstub/wire.h: ends a packet that the client has cut short, and says that the client has gone. The answer comes behind all that
# the stub still had for it.
HANGUP = b"#00\x04"
HUNG_UP = b"#\x04"
ANSWER_SECONDS = 10  # a stub that is not Ringside's gives no answer


def reserve(endpoint: str) -> socket.socket:
    """A socket bound to `tcp:HOST:PORT`, `tcp:PORT` (loopback), or `unix:PATH`; port 0 takes a free one.

    Whoever connects is refused until it listens. gdb then tries a TCP port again for 15 seconds; a connection that was
    taken without an answer it would give up after 2.
    """
    kind, _, address = endpoint.partition(":")
    try:
        if kind == "unix" and address:
            server = socket.socket(socket.AF_UNIX)
            server.bind(address)
        elif kind == "tcp":
            host, _, port = address.rpartition(":")
            server = socket.socket(socket.AF_INET)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((host or "127.0.0.1", int(port)))
        else:
            raise LabError(f"{endpoint}: expected tcp:HOST:PORT or unix:PATH")
    except (OverflowError, ValueError) as error:
        raise LabError(f"{endpoint}: not a port number") from error
    except OSError as error:
        raise LabError(f"cannot listen on {endpoint}: {error.strerror}") from error
    return server


def name_of(server: socket.socket) -> str:
    """The endpoint as a client may use it."""
    if server.family == socket.AF_UNIX:
        return f"unix:{server.getsockname()}"
    host, port = server.getsockname()[:2]
    return f"tcp:{host}:{port}"


class Bridge:
    """Carries bytes both ways, for one client after the other, until the process ends.

    Each direction has its own thread, so that neither can hold up the other or the lab's loop. What the machine sends while
    no client is there is dropped, as a serial cable with nothing at its end would.
    """

    def __init__(self, server: socket.socket, line: int):
        self._server = server
        self._line = line
        self._client: socket.socket | None = None
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
        """Nobody inside listens for now: keep what a client sends until open()."""
        self._open.clear()
        self._idle.set()

    def is_open(self) -> bool:
        return self._open.is_set()

    def close(self) -> None:
        """The machine is gone: so is what the client talks to. A client that waits for a stop would wait for ever."""
        with suppress(OSError):
            if client := self._client:
                client.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        with suppress(OSError):  # the listener or the line is closed: the machine is gone
            while True:
                client, _ = self._server.accept()
                if client.family != socket.AF_UNIX:
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with client:
                    self._client = client
                    self._receive(client)
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
            try:
                data = client.recv(65536)
            except ConnectionError:
                return
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
