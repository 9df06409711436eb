"""A session on demo64 in VS Code: its folder, and what a user does there."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.clients import node_packages
from tests.clients.vscode_server import EXTENSION, VscodeServer
from tests.harness import paths
from tests.harness.timeouts import FACTOR

SESSION = EXTENSION.parent / "session.mjs"
SOURCE = Path("guests/demo64/work.cpp")
LINE = "return sum * 31 + value"
PICTURE = EXTENSION.parent / "session.png"


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class VscodeSession:
    def __init__(self, root: Path, adapter: str, port: str):
        self._root = root
        self._adapter = adapter
        self._port = port
        self._lock = root / "running"
        self.server = VscodeServer(root / "server")

    def in_the_folder_of_the_guests(self) -> Path:
        """guests/.vscode; its task that builds has nothing left to do."""
        folder = self._root / "guests"
        release = self._root / "build" / "release"
        release.mkdir(parents=True)
        (release / "guests").symlink_to(paths.GUESTS)
        self._watch_machine(release / "ringside")
        shutil.copytree(paths.ROOT / "guests" / ".vscode", folder / ".vscode", ignore=shutil.ignore_patterns("node_modules"))
        tasks = json.loads((folder / ".vscode" / "tasks.json").read_text(encoding="utf-8"))["tasks"]
        build = next(task["command"] for task in tasks if task["label"] == "build")
        self._edit(folder, {build: "true"})
        self._complete_extension(folder)
        return folder

    def in_a_folder_of_ringside_ide(self) -> Path:
        """What `ringside ide` writes for a kernel."""
        folder = self._root / "mine"
        folder.mkdir()
        subprocess.run([paths.RINGSIDE, "ide", "vscode", paths.GUESTS / "demo64", "--", "-m", "64M"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        self._watch_machine(self._root / "ringside")
        self._edit(folder, {str(paths.RINGSIDE): str(self._root / "ringside")})
        self._complete_extension(folder)
        return folder

    def with_sources(self, folder: Path) -> Path:
        """The guest's sources in the folder itself, so that a picture shows no path of the machine on which it is made."""
        shutil.copytree((paths.ROOT / SOURCE).parent, self._root / SOURCE.parent)
        self._edit(folder, {'"request"': f'"initCommands": ["set substitute-path {paths.ROOT} {self._root}"], "request"'})
        return self._root / SOURCE

    def run(self, folder: Path, source: Path = paths.ROOT / SOURCE, picture: Path | None = None) -> None:
        """Goes through the session, or only to its first breakpoint for a picture."""
        line = next(number for number, text in enumerate(source.read_text(encoding="utf-8").splitlines(), 1) if LINE in text)
        environment = {"RINGSIDE_NODE_MODULES": str(self.server.modules), **({"RINGSIDE_PICTURE": str(picture)} if picture else {})}
        done = subprocess.run(["node", SESSION, self.server.address(), folder, source, str(line), self._lock],
                              env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=300 * FACTOR, check=False)
        assert done.returncode == 0, done.stdout

    def _edit(self, folder: Path, texts: dict[str, str]) -> None:
        """Leaves the configuration of one adapter, and replaces the port and these texts."""
        for path in (folder / ".vscode").glob("*.json"):
            text = json.dumps(json.loads(path.read_text(encoding="utf-8")))
            for old, new in {"1234": self._port, **texts}.items():
                text = text.replace(old, new)
            content = json.loads(text)
            if "configurations" in content:
                content["configurations"] = [each for each in content["configurations"] if each["type"] == self._adapter]
            path.write_text(json.dumps(content), encoding="utf-8")

    def _complete_extension(self, folder: Path) -> None:
        """What the user's `npm install` would do."""
        modules = node_packages.installed(node_packages.EXTENSION) / "node_modules"
        (folder / ".vscode" / "extensions" / "ringside" / "node_modules").symlink_to(modules)

    def _watch_machine(self, program: Path) -> None:
        """A program that runs ringside and locks a file until it ends."""
        program.write_text(f'#!/bin/sh\nexec flock --no-fork "{self._lock}" "{paths.RINGSIDE}" "$@"\n', encoding="utf-8")
        program.chmod(0o755)

    def close(self) -> None:
        self.server.close()

    def transcript(self) -> str:
        return self.server.transcript()


def draw() -> None:
    with tempfile.TemporaryDirectory(prefix="ringside-vscode-") as root:
        session = VscodeSession(Path(root), "ringside", "1234")
        try:
            folder = session.in_the_folder_of_the_guests()
            session.run(folder, session.with_sources(folder), PICTURE)
        finally:
            session.close()


if __name__ == "__main__":
    draw()
