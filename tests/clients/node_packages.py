"""The clients that come from npm: installed below build/clients, once for each package.json, without their scripts."""

import shutil
import subprocess

from tests.clients.lldb_versions import STORE
from tests.harness.paths import ROOT

PACKAGES = ROOT / "tests" / "clients" / "dap" / "package.json"
NODE_MODULES = STORE / "node"


def prepare() -> None:
    installed = NODE_MODULES / "package.json"
    if installed.exists() and installed.read_bytes() == PACKAGES.read_bytes():
        return
    shutil.rmtree(NODE_MODULES, ignore_errors=True)
    NODE_MODULES.mkdir(parents=True)
    shutil.copyfile(PACKAGES, NODE_MODULES / "package.json.new")
    (NODE_MODULES / "package.json.new").rename(NODE_MODULES / "package.json")
    try:
        subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"], cwd=NODE_MODULES,
                       check=True, stdout=subprocess.DEVNULL)
    except BaseException:
        shutil.rmtree(NODE_MODULES)  # nothing half installed is taken for the whole
        raise
