"""A fresh machine: a minimal Debian in a folder, with only this machine's apt configuration and network."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.fresh import complaints, debian

HERE = Path(__file__).resolve().parent
PROJECT = "ringside"  # the clone's folder, in a user's home
APT = ("sources.list", "sources.list.d", "apt.conf", "apt.conf.d", "auth.conf", "auth.conf.d", "preferences", "preferences.d",
       "keyrings", "trusted.gpg", "trusted.gpg.d")
# This machine's certificates there. The package ca-certificates writes its own file anew.
CERTIFICATES = "/etc/ssl/this-machine.crt"


@dataclass
class Transcript:
    """What a command printed, and when."""

    command: str
    status: int = -1
    seconds: float = 0
    lines: list[tuple[float, str]] = field(default_factory=list)

    def text(self) -> str:
        return "\n".join(line for _, line in self.lines)

    def complaints(self) -> list[str]:
        return complaints.found(line for _, line in self.lines)

    def when(self, start: str) -> float | None:
        """When the first line that begins so was printed; None if there is none."""
        return next((seconds for seconds, line in self.lines if line.startswith(start)), None)


class Machine:
    def __init__(self, tree: Path):
        self.tree = tree

    def home(self, user: str) -> Path:
        return self.tree / ("root" if user == "root" else f"home/{user}")

    def run(self, user: str, command: str, devices: str = "") -> Transcript:
        """Runs a shell command in the user's home and shows its output as it comes. `devices` are those in /dev that a minimal
        Debian would not have."""
        print(f"\n{user}@fresh:~$ {command}", flush=True)
        transcript = Transcript(command)
        started = time.monotonic()
        environment = {**os.environ, "FRESH_DEVICES": devices}
        if "NODE_EXTRA_CA_CERTS" in environment:
            environment["NODE_EXTRA_CA_CERTS"] = CERTIFICATES
        process = subprocess.Popen([HERE / "enter", self.tree, user, command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True, env=environment)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                transcript.lines.append((time.monotonic() - started, line.rstrip()))
                print(line, end="", flush=True)
            transcript.status = process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        transcript.seconds = time.monotonic() - started
        print(f"-- {command}: status {transcript.status} after {transcript.seconds:.0f} s", flush=True)
        return transcript

    def in_project(self, user: str, command: str, devices: str = "") -> Transcript:
        return self.run(user, f"cd {PROJECT} && {command}", devices)

    def clone(self, user: str) -> None:
        """What `git clone` gives the user: this tree's last commit."""
        place = self.home(user) / PROJECT
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", debian.ROOT, place], check=True)
        self.must("root", f"chown -R {user}: /{place.relative_to(self.tree)}")

    def add_user(self, user: str) -> None:
        self.must("root", f"useradd --create-home --shell /bin/bash {user}")

    def must(self, user: str, command: str) -> None:
        transcript = self.run(user, command)
        assert transcript.status == 0, transcript.text()

    def logs_to(self, user: str, folder: Path) -> None:
        """Brings the logs of what a user ran out of the machine."""
        logs = self.home(user) / PROJECT / "build" / "logs"
        if logs.is_dir():
            shutil.copytree(logs, folder, dirs_exist_ok=True, symlinks=True, ignore_dangling_symlinks=True)


@contextlib.contextmanager
def fresh(name: str) -> Iterator[Machine]:
    """A machine on which nothing has happened yet. It is removed when the context is left."""
    archive = debian.archive()
    tree = debian.CACHE / name
    _remove(tree)
    tree.mkdir()
    try:
        subprocess.run(["tar", "--extract", "--file", archive, "--directory", tree, "--numeric-owner", "--same-permissions"], check=True)
        _connect(tree)
        yield Machine(tree)
    finally:
        _remove(tree)


def _connect(tree: Path) -> None:
    """How this machine reaches its packages. A mirror with a certificate of its own is verified by the certificates here."""
    for name in APT:
        ours, theirs = Path("/etc/apt") / name, tree / "etc" / "apt" / name
        if theirs.is_dir():
            shutil.rmtree(theirs)
        else:
            theirs.unlink(missing_ok=True)
        if ours.is_dir():
            shutil.copytree(ours, theirs)
        elif ours.exists():
            shutil.copy(ours, theirs)
    for file in ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt", *map(str, Path("/usr/share/keyrings").iterdir())):
        target = tree / file.lstrip("/")
        if Path(file).is_file() and (file.startswith("/etc/") and "ssl" not in file or not target.exists()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    extra = os.environ.get("NODE_EXTRA_CA_CERTS", "")
    if Path(extra).is_file():
        shutil.copy(extra, tree / CERTIFICATES.lstrip("/"))


def _remove(tree: Path) -> None:
    if tree.exists():
        subprocess.run(["rm", "--recursive", "--force", "--one-file-system", tree], check=True)
