"""A debugger's way in: one end is the machine's serial line, the other a TCP or unix socket that gdb connects to."""

import os
import select
import socket
import threading
from contextlib import suppress

from .endpoint import name_of

# gdbstub/wire.h: ends a packet that the client has cut short, and says that the client has left. The answer follows everything
# that the stub was still sending.
HANGUP = b"#00\x04"
HUNG_UP = b"#\x04"
ANSWER_SECONDS = 10  # a stub that is not Ringside's does not answer
BACKLOG = 64
CHUNK = 4096  # bytes; a slow line takes a tenth of a second for them


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
        self.queue = threading.Condition()
        self.waiting = 0  # clients whose turn comes when the present one has been attended to
        self.name = name_of(server)
        threading.Thread(target=self._send, daemon=True).start()

    def open(self) -> None:
        """There is someone inside who listens: take clients, and pass on what they send."""
        self._open.set()
        if not self._listens:
            self._listens = True
            self._server.listen(BACKLOG)
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
            self._queue(1)
            with self._turn:
                self._queue(-1)
                self._client = client
                try:
                    self._receive(client)
                finally:
                    self._hang_up()
                    self._client = None
                    client.shutdown(socket.SHUT_RDWR)

    def _queue(self, more: int) -> None:
        with self.queue:
            self.waiting += more
            self.queue.notify_all()

    def _hang_up(self) -> None:
        """The next client must not get what was meant for this one."""
        if self._open.is_set():
            self._idle.clear()
            with suppress(OSError):  # the machine has ended
                _write(self._line, HANGUP)
                self._idle.wait(ANSWER_SECONDS)

    def _receive(self, client: socket.socket) -> None:
        """Until the client ends its stream. If it has gone and another client waits, what is unread is dropped."""
        between = BetweenPackets()
        while data := client.recv(CHUNK):
            if self.waiting and _has_gone(client):
                return
            self._open.wait()
            _write(self._line, between.without_hangups(data))

    def _send(self) -> None:
        held = b""
        with suppress(OSError):
            while data := os.read(self._line, 65536):
                data = held + data
                held = data[-1:] if data.endswith(HUNG_UP[:1]) else b""
                said, hung_up, rest = data[: len(data) - len(held)].partition(HUNG_UP)
                if (client := self._client) and (said or rest):
                    with suppress(OSError):
                        client.sendall(said + rest)
                if hung_up:
                    self._idle.set()


class BetweenPackets:
    """A client that sends the byte of a hang-up between its packets has not left: the stub must not see that byte."""

    def __init__(self) -> None:
        self._in_packet = False

    def without_hangups(self, data: bytes) -> bytes:
        made = []
        while data:
            part, mark, data = data.partition(b"#" if self._in_packet else b"$")
            made += [part if self._in_packet else part.replace(HANGUP[-1:], b""), mark]
            if mark:
                self._in_packet = not self._in_packet
        return b"".join(made)


def _write(line: int, data: bytes) -> None:
    while data:
        data = data[os.write(line, data) :]


def _has_gone(client: socket.socket) -> bool:
    """True if the client has ended its stream, even if something of it is unread."""
    poll = select.poll()
    try:
        poll.register(client, select.POLLRDHUP)
    except ValueError:  # its socket has been closed since
        return True
    return bool(poll.poll(0))


def _refuse(client: socket.socket, first: socket.socket) -> None:
    """Answers the greeting as the stub does when it listens itself: gdb shows the words."""
    while (data := client.recv(65536)) and b"#" not in data:
        pass
    who = "a local client" if first.family == socket.AF_UNIX else "{}:{}".format(*first.getpeername()[:2])
    words = f"E.another debugger ({who}) is attached to this guest: detach it first".encode()
    client.sendall(b"+$%s#%02x" % (words, sum(words) % 256))
