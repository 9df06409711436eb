"""The Remote Serial Protocol's bytes, sent and received one by one: for what no well-behaved client would do."""

import socket

from tests.harness.timeouts import Deadline, FACTOR

INTERRUPT = b"\x03"


def frame(payload: bytes) -> bytes:
    return b"$%s#%02x" % (payload, sum(payload) & 0xff)


class RspClient:
    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30 * FACTOR)
        self._buffer = b""

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self.socket.sendall(data)

    def receive(self, seconds: float = 30) -> bytes:
        """The next reply's payload, acknowledgements skipped. Raises EOFError if the other side closes."""
        deadline = Deadline(seconds)
        while True:
            start = self._buffer.find(b"$")
            end = self._buffer.find(b"#", start)
            if start >= 0 and 0 <= end <= len(self._buffer) - 3:
                payload, self._buffer = self._buffer[start + 1:end], self._buffer[end + 3:]
                return payload
            self.socket.settimeout(max(deadline.left(), 0.001))
            chunk = self.socket.recv(65536)
            if not chunk:
                raise EOFError("the connection was closed")
            self._buffer += chunk

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
