"""What comes from npm, installed once for each package.json, without its scripts."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.harness.paths import ROOT
from tests.lab.ringlab import cache

CLIENTS = ROOT / "tests" / "clients"
EXTENSION = ROOT / "vmm" / "cli" / "vscode"
INSTALL = ("install", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund")
# Debian and others that bring Node.js have its headers there: modules in C++ need them.
NODE = "/usr"


def installed(wanted: Path = CLIENTS / "dap", complete: Callable[[Path], None] = lambda folder: None) -> Path:
    """The folder that holds node_modules. `complete` does what the packages' own scripts would have done, as far as needed."""
    packages = wanted / "package.json"

    def install(folder: Path) -> None:
        folder.mkdir()
        shutil.copyfile(packages, folder / "package.json")
        npm(folder, *INSTALL, "--no-package-lock")
        complete(folder / "node_modules")

    with cache.lock("clients"):
        return cache.entry(f"{cache.digest(packages)}.npm", install)


def vscode() -> Path:
    """The same for VS Code: its server has packages of its own, and three of those are built here."""

    def complete(modules: Path) -> None:
        server = modules / "code-server" / "lib" / "vscode"
        npm(server, *INSTALL, "--legacy-peer-deps")
        npm(server, "rebuild", "node-pty", "@vscode/spdlog", "native-watchdog")

    return installed(CLIENTS / "vscode", complete)


def extension(folder: Path) -> Path:
    """A copy of Ringside's extension for VS Code, as its user installs it, in `folder`; returns its debug adapter."""
    shutil.copytree(EXTENSION, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(installed(EXTENSION) / "node_modules")
    return folder / "adapter.js"


def npm(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["npm", *arguments], cwd=folder, env={**os.environ, "npm_config_nodedir": NODE}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
