"""The part of QEMU's monitor that the lab needs (docs/interop/qmp-spec.txt in QEMU's sources)."""

import json
import socket

from .errors import LabError

PATIENCE = 60  # seconds for an answer


class Monitor:
    """One conversation over a connected socket. Events are skipped."""

    def __init__(self, connection: socket.socket):
        self._socket = connection
        self._socket.settimeout(PATIENCE)
        self._buffer = b""
        self._greeted = False

    def execute(self, command: str, **arguments: object) -> dict[str, object]:
        """A command's result."""
        return self._ask(command, arguments, [])

    def pass_file(self, name: str, descriptor: int) -> None:
        """Give QEMU an open file, by which later commands may call it."""
        self._ask("getfd", {"fdname": name}, [descriptor])

    def close(self) -> None:
        self._socket.close()

    def _ask(self, command: str, arguments: dict[str, object], descriptors: list[int]) -> dict[str, object]:
        try:
            if not self._greeted:
                self._greeted = True
                self._read()
                self._send("qmp_capabilities", {}, [])
                self._answer("qmp_capabilities")
            self._send(command, arguments, descriptors)
            return self._answer(command)
        except (OSError, ValueError) as error:
            raise LabError(f"QEMU's monitor does not answer {command}: {error}") from error

    def _send(self, command: str, arguments: dict[str, object], descriptors: list[int]) -> None:
        request = json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n"
        socket.send_fds(self._socket, [request], descriptors)

    def _answer(self, command: str) -> dict[str, object]:
        while True:
            message = self._read()
            if "error" in message:
                raise LabError(f"QEMU refuses {command}: {message['error']}")
            if "return" in message:
                result = message["return"]
                return result if isinstance(result, dict) else {}

    def _read(self) -> dict[str, object]:
        while b"\n" not in self._buffer:
            data = self._socket.recv(65536)
            if not data:
                raise ValueError("the connection is closed")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        message = json.loads(line)
        return message if isinstance(message, dict) else {}
