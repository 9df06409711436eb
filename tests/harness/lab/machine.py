"""One lab machine that runs a list of tests: `tests/lab/run` as a process, and what the worker inside writes."""

import collections
import ctypes
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tests.harness import paths
from tests.harness.lab import MARK, carried

LAST_LINES = 60  # of what the lab says besides, for the report of a machine's failure
BOOT_SECONDS = 300
TEST_SECONDS = 300  # without a word from a test: the machine hangs
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Machine:
    """Runs `tests` in the order given. What happens goes to `events` as (machine, message); the last message
    has no contents: the machine has ended."""

    def __init__(self, host: str, tests: list[str], modules: list[Path], options: list[str], events: queue.Queue):
        self.unfinished = list(tests)
        self.running: str | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="ringside-lab-tests-")
        self._heard = time.monotonic() + BOOT_SECONDS * slowness()
        self._said: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
        listed = Path(self._folder.name, "tests")
        listed.write_text("".join(f"{test}\n" for test in tests), encoding="utf-8")
        self._process = subprocess.Popen(self._command(host, listed, modules, options), cwd=paths.ROOT, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                                         preexec_fn=_end_with_parent)
        threading.Thread(target=self._listen, args=(events,), daemon=True).start()

    @staticmethod
    def _command(host: str, listed: Path, modules: list[Path], options: list[str]) -> list[str]:
        files = [word for path in (*carried.files(), listed) for word in ("--file", str(path))]
        environment = {**carried.environment(), **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")
                                                   or name == "RINGSIDE_TEST_TIMEOUT_FACTOR"}}
        return [str(paths.ROOT / "tests/lab/run"), "--host", host, "--memory", "2048", "--timeout", "0", *files, "--",
                "env", *[f"{name}={value}" for name, value in environment.items()],
                "/usr/bin/python3", "-m", "pytest", "-p", "tests.harness.lab.worker", "--listed", str(listed), *options,
                *map(str, modules)]

    def _listen(self, events: queue.Queue) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            text = line.decode("utf-8", "replace").rstrip()
            said, marked, message = text.partition(MARK)
            if marked:
                events.put((self, json.loads(message)))
            if said:
                self._said.append(said)
        self._process.wait()
        events.put((self, {}))

    def hear(self, message: dict[str, Any]) -> None:
        """Follows what the worker writes."""
        self._heard = time.monotonic() + TEST_SECONDS * slowness()
        if "begin" in message:
            self.running = message["begin"]
        if "end" in message:
            self.running = None
            self.unfinished.remove(message["end"])
        if "trouble" in message:
            self._said.append(message["trouble"])

    def end_if_silent(self) -> None:
        if time.monotonic() > self._heard and self._process.poll() is None:
            self._said.append(f"the machine was silent for {TEST_SECONDS * slowness():.0f} s and has been ended")
            self.end()

    def end(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
        self._folder.cleanup()

    def last_words(self) -> str:
        return "\n".join(self._said)


def _end_with_parent() -> None:
    """A process in its own session is not ended with pytest's: the kernel ends it, and it ends its machine."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def slowness() -> float:
    return max(1.0, float(os.environ.get("RINGSIDE_LAB_SLOW", "1")))
