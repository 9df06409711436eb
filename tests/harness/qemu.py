"""QEMU on one of the project's guests, to compare with: held at its first instruction, with its gdbstub and its monitor."""

import json
import re
import socket
import subprocess
from pathlib import Path

from tests.harness.timeouts import FACTOR


class Qemu:
    """It listens before it is started, so that clients can connect without waiting."""

    def __init__(self, program: str, folder: Path, kernel: object, append: str, *options: str):
        self.gdb_endpoint = folder / "qemu-gdb"
        monitor_path = folder / "qemu-monitor"
        with _listening(self.gdb_endpoint) as for_gdb, _listening(monitor_path) as for_monitor:
            words = [program, "-accel", "tcg", "-m", "64M", "-kernel", str(kernel), "-append", append, "-display", "none",
                     "-serial", "none", "-nic", "none", "-S", *options,
                     *_character_device("gdb", for_gdb), "-gdb", "chardev:gdb",
                     *_character_device("monitor", for_monitor), "-mon", "chardev=monitor,mode=control"]
            self._process = subprocess.Popen(words, pass_fds=[for_gdb.fileno(), for_monitor.fileno()], stdin=subprocess.DEVNULL)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60 * FACTOR)
            connection.connect(str(monitor_path))
            self._connection = connection.makefile("rw", encoding="utf-8")
        self._send("qmp_capabilities")

    def __enter__(self) -> "Qemu":
        return self

    def __exit__(self, *_: object) -> None:
        """QEMU does not end with its debugger."""
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def monitor(self, command: str) -> str:
        """What its monitor answers. (Through QEMU's gdbstub, long answers get stuck.)"""
        self._send("human-monitor-command", {"command-line": command})
        for line in self._connection:
            match json.loads(line):
                case {"return": str(answer)}:
                    return answer.replace("\r\n", "\n")
                case {"error": error}:
                    raise AssertionError(f"{command}: {error}")
        raise AssertionError(f"QEMU ended before it answered {command}")

    def mappings(self, command: str) -> list[str]:
        """The lines of "info mem" or "info tlb"."""
        return re.findall(r"(?m)^[0-9a-f]{16}[-:].*$", self.monitor(command))

    def _send(self, command: str, arguments: dict[str, str] | None = None) -> None:
        self._connection.write(json.dumps({"execute": command, "arguments": arguments or {}}))
        self._connection.flush()


def _listening(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


def _character_device(name: str, listener: socket.socket) -> list[str]:
    return ["-chardev", f"socket,id={name},fd={listener.fileno()},server=on,wait=off"]
