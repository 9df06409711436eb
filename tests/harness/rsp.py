"""The Remote Serial Protocol's bytes, sent and received one by one: for what no well-behaved client would do."""

import collections
import re
import socket

from tests.harness.timeouts import Deadline, FACTOR

INTERRUPT = b"\x03"
PACKET = re.compile(rb"([$%])([^#]*)#..", re.DOTALL)  # a reply or a notification; neither has an unescaped '#' in it


def frame(payload: bytes) -> bytes:
    return b"$%s#%02x" % (payload, sum(payload) & 0xff)


class RspClient:
    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30 * FACTOR)
        self._buffer = b""
        self._replies: collections.deque[bytes] = collections.deque()
        self._notifications: collections.deque[bytes] = collections.deque()

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self.socket.sendall(data)

    def receive(self, seconds: float = 30) -> bytes:
        """The next reply's payload, acknowledgements skipped. Raises EOFError if the other side closes."""
        return self._next(self._replies, seconds)

    def receive_notification(self, seconds: float = 30) -> bytes:
        """The next notification's payload. Raises EOFError if the other side closes."""
        return self._next(self._notifications, seconds)

    def notified(self) -> bool:
        """Returns True if a notification has come with the replies received so far."""
        return bool(self._notifications)

    def _next(self, wanted: collections.deque[bytes], seconds: float) -> bytes:
        deadline = Deadline(seconds)
        while not wanted:
            self.socket.settimeout(max(deadline.left(), 0.001))
            chunk = self.socket.recv(65536)
            if not chunk:
                raise EOFError("the connection was closed")
            self._buffer += chunk
            while packet := PACKET.search(self._buffer):
                (self._replies if packet[1] == b"$" else self._notifications).append(packet[2])
                self._buffer = self._buffer[packet.end():]
        return wanted.popleft()

    def ask(self, payload: bytes, seconds: float = 30) -> bytes:
        """One packet and its reply, which is acknowledged."""
        self.send(frame(payload))
        reply = self.receive(seconds)
        self.send(b"+")
        return reply

    def closed_by_peer(self, seconds: float = 30) -> bool:
        """Reads until the other side closes."""
        deadline = Deadline(seconds)
        try:
            while not deadline.over():
                self.socket.settimeout(max(deadline.left(), 0.001))
                if not self.socket.recv(65536):
                    return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            pass
        return False

    def close(self) -> None:
        self.socket.close()
