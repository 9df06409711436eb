"""A running `ringside`."""

import re
import signal
import subprocess

from tests.harness import paths
from tests.harness.streams import Collector
from tests.harness.timeouts import FACTOR

ANNOUNCEMENT = r"gdb: listening on (tcp:[^\s:]+:(\d+)|unix:\S+)"


class Ringside:
    """`ringside ARGUMENTS...`, with its output collected and its input held open."""

    def __init__(self, *arguments: object, prefix: tuple[str, ...] = (), env: dict[str, str] | None = None):
        self.command = [*prefix, str(paths.RINGSIDE), *map(str, arguments)]
        self._process = subprocess.Popen(self.command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE)
        self.stdout = Collector(self._process.stdout)
        self.stderr = Collector(self._process.stderr)

    @classmethod
    def run(cls, kernel: object, *options: object, wait: bool = True, gdb: str | None = "tcp:127.0.0.1:0",
            memory: str = "64M", **popen: object) -> "Ringside":
        """`ringside run`; with gdb, on a port that the system chooses."""
        debug = ([f"--gdb={gdb}"] if gdb else []) + (["--wait"] if wait and gdb else [])
        return cls("run", "-m", memory, *debug, *options, kernel, **popen)

    @property
    def pid(self) -> int:
        return self._process.pid

    def port(self) -> int:
        """The TCP port that it says it listens on."""
        return int(self.stderr.wait_for(ANNOUNCEMENT).group(2))

    def serial(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """Waits for text on the guest's serial port, which is our standard output."""
        return self.stdout.wait_for(pattern, seconds)

    def type(self, text: str) -> None:
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()

    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self, seconds: float = 60) -> int:
        """The exit status, once it has ended on its own."""
        status = self._process.wait(seconds * FACTOR)
        self.stdout.join()
        self.stderr.join()
        return status

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def close(self) -> None:
        if self.running():
            self._process.kill()
        self._process.wait()
        self.stdout.join()
        self.stderr.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            try:
                pipe.close()
            except BrokenPipeError:
                pass

    def transcript(self) -> str:
        return (f"$ {' '.join(self.command)}\n-- stdout:\n{self.stdout.text()}\n-- stderr:\n{self.stderr.text()}\n"
                f"-- status: {self._process.poll()}")
