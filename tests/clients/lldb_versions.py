"""Several versions of LLDB side by side.

Debian's packages of different versions replace each other, so they are not installed: they are downloaded and unpacked
into the lab's cache, once. What they need besides (libedit, libxml2, Python's library) is installed.
"""

import dataclasses
import os
import subprocess
from pathlib import Path

from tests.lab.ringlab import cache

VERSIONS = (14, 16, 19)
PACKAGES = ("lldb-{0}", "liblldb-{0}", "libllvm{0}", "libclang-cpp{0}", "python3-lldb-{0}")


@dataclasses.dataclass(frozen=True)
class LldbVersion:
    number: int

    @property
    def root(self) -> Path:
        """Where its packages are unpacked, which the first use does."""
        with cache.lock("clients"):
            return cache.entry(f"{cache.digest(*self._packages)}.lldb-{self.number}", self._unpack)

    @property
    def _packages(self) -> list[str]:
        return [name.format(self.number) for name in PACKAGES]

    def _unpack(self, folder: Path) -> None:
        folder.mkdir()
        subprocess.run(["apt-get", "download", "-qq", *self._packages], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder], check=True)
            package.unlink()

    @property
    def _llvm(self) -> Path:
        return self.root / "usr" / "lib" / f"llvm-{self.number}"

    @property
    def program(self) -> Path:
        return self._llvm / "bin" / "lldb"

    @property
    def debug_adapter(self) -> Path:
        """It was renamed from lldb-vscode in version 18."""
        return self._llvm / "bin" / ("lldb-dap" if self.number >= 18 else "lldb-vscode")

    def environment(self, home: str) -> dict[str, str]:
        """Finds the unpacked libraries and Python modules, and no settings of the user's."""
        libraries = (self.root / "usr" / "lib" / "x86_64-linux-gnu", self._llvm / "lib")
        # Version 14 has its modules in another place.
        modules = (self.root / "usr" / "lib" / "python3" / "dist-packages", *self._llvm.glob("lib/python3.*/dist-packages"))
        return {**os.environ, "HOME": home, "LC_ALL": "C.UTF-8", "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
                "PYTHONPATH": ":".join(map(str, modules))}
