"""A real LLDB, driven through its command line as a user drives it.

Commands are synchronous unless a test wants otherwise: one that resumes the guest returns with the stop that ends it.
"""

import signal
import subprocess
import tempfile

from tests.clients.lldb_versions import LldbVersion
from tests.harness.streams import Collector
from tests.harness.timeouts import Deadline

_SETTINGS = (
    "settings set auto-confirm true",
    "settings set stop-line-count-before 0",
    "settings set stop-line-count-after 0",
    "settings set plugin.process.gdb-remote.packet-timeout 60",
    "script lldb.debugger.SetAsync(False)",
)


class Lldb:
    def __init__(self, version: LldbVersion, symbols: object = None, settings: tuple[str, ...] = (), wrapper: tuple[str, ...] = ()):
        """`wrapper` is a command that runs the command which follows it."""
        self._home = tempfile.TemporaryDirectory(prefix="ringside-lldb-")
        self._process = subprocess.Popen([*wrapper, str(version.program), "--no-use-colors", *([str(symbols)] if symbols else [])],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                         env=version.environment(self._home.name))
        self._output = Collector(self._process.stdout)
        self._commands = 0
        self._read = 0
        for setting in (*_SETTINGS, *settings):
            self.command(setting)

    def command(self, text: str, seconds: float = 60) -> str:
        """A command as a user types it; returns what was printed until it was done."""
        self._commands += 1
        self.start(text)
        # In two pieces, so that the echo of the command does not end the wait.
        self.start(f'script print("done" + " {self._commands}.")')
        end = self._output.wait_for(rf"(?m)^done {self._commands}\.$", seconds).start()
        text, self._read = self._output.text()[self._read:end], end
        return text

    def start(self, text: str) -> None:
        """Types a command and does not wait."""
        self._process.stdin.write(text.encode() + b"\n")
        self._process.stdin.flush()

    def wait_for(self, pattern: str, seconds: float = 60) -> str:
        """What has been printed since the last command, up to the first match of a pattern."""
        found = self._output.wait_for(rf"(?s)\A.{{{self._read}}}.*?{pattern}", seconds)
        text, self._read = self._output.text()[self._read:found.end()], found.end()
        return text

    def interrupt(self, pattern: str, seconds: float = 60) -> str:
        """Ctrl-C at LLDB's terminal, until what it prints matches. LLDB drops one that comes while it is still resuming."""
        deadline = Deadline(seconds)
        while True:
            self._process.send_signal(signal.SIGINT)
            try:
                return self.wait_for(pattern, seconds / 10)
            except AssertionError:
                if deadline.over():
                    raise

    def connect(self, port: int) -> str:
        return self.command(f"gdb-remote 127.0.0.1:{port}")

    def python(self, expression: str) -> str:
        """The value of an expression of LLDB's Python interface; `process`, `target` and `thread` are the selected ones."""
        names = "target=lldb.debugger.GetSelectedTarget(); process=target.process; thread=process.GetSelectedThread()"
        output = self.command(f"script {names}; print({expression})")
        return [line for line in output.splitlines() if line and not line.startswith("(lldb)")][-1]

    def kill(self) -> None:
        """Dies as a crashed client does."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.kill()
        self._output.join()
        self._process.stdin.close()
        self._process.stdout.close()
        self._home.cleanup()

    def transcript(self) -> str:
        return f"-- lldb:\n{self._output.text()[-6000:]}"
