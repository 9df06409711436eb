"""VS Code's server, as code-server brings it: VS Code in a browser, with an extension that starts the debug adapters."""

import json
import os
import subprocess
from pathlib import Path

from tests.clients import node_packages
from tests.clients.lldb_versions import LldbVersion
from tests.harness.streams import Collector

EXTENSION = node_packages.CLIENTS / "vscode" / "extension"
TOKEN = "ringside"
# What a user would click away or not see in a small window.
SETTINGS = {
    "debug.internalConsoleOptions": "neverOpen",
    "debug.toolBarLocation": "docked",
    "editor.minimap.enabled": False,
    "extensions.ignoreRecommendations": True,
    "remote.autoForwardPorts": False,
    "security.workspace.trust.enabled": False,
    "git.enabled": False,
    "telemetry.telemetryLevel": "off",
    "workbench.startupEditor": "none",
}


class VscodeServer:
    def __init__(self, folder: Path):
        """`folder` takes the user's data and extensions."""
        for place in ("User", "Machine"):
            (folder / "data" / place).mkdir(parents=True)
            (folder / "data" / place / "settings.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
        (folder / "extensions").mkdir()
        (folder / "extensions" / "ringside.adapters-1.0.0").symlink_to(EXTENSION)
        self.modules = node_packages.vscode() / "node_modules"
        lldb = LldbVersion(19)
        gdb = node_packages.installed() / "node_modules" / "cdt-gdb-adapter" / "dist" / "debugTargetAdapter.js"
        self._process = subprocess.Popen(
            ["node", self.modules / "code-server" / "lib" / "vscode" / "out" / "server-main.js", "--host", "127.0.0.1", "--port", "0",
             "--connection-token", TOKEN, "--accept-server-license-terms", "--telemetry-level", "off", "--server-data-dir", folder,
             "--extensions-dir", folder / "extensions"],
            env={**os.environ, **lldb.environment(str(folder)), "RINGSIDE_GDB_ADAPTER": str(gdb),
                 "RINGSIDE_LLDB_ADAPTER": str(lldb.debug_adapter)},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._output = Collector(self._process.stdout)

    def address(self) -> str:
        port = self._output.wait_for(r"Extension host agent listening on (\d+)").group(1)
        return f"http://127.0.0.1:{port}/?tkn={TOKEN}"

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._output.join()
        self._process.stdout.close()

    def transcript(self) -> str:
        return f"-- VS Code's server:\n{self._output.text()[-3000:]}"
