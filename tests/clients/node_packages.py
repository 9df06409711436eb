"""The clients that come from npm, installed once for each package.json, without their scripts."""

import shutil
import subprocess
from pathlib import Path

from tests.harness.paths import ROOT
from tests.lab.ringlab import cache

PACKAGES = ROOT / "tests" / "clients" / "dap" / "package.json"


def installed() -> Path:
    """The folder that holds node_modules."""
    with cache.lock("clients"):
        return cache.entry(f"{cache.digest(PACKAGES)}.npm", _install)


def _install(folder: Path) -> None:
    folder.mkdir()
    shutil.copyfile(PACKAGES, folder / "package.json")
    subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL)
