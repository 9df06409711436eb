"""The Debian package, made by cpack and unpacked."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.harness import paths


@dataclass(frozen=True)
class Package:
    deb: Path
    root: Path  # its files

    @property
    def share(self) -> Path:
        return self.root / "usr" / "share"

    def program(self) -> Path:
        return self.root / "usr" / "bin" / "ringside"

    def files(self) -> set[str]:
        """The paths of its files, from the root on."""
        return {"/" + str(path.relative_to(self.root)) for path in self.root.rglob("*") if not path.is_dir()}

    def field(self, name: str) -> str:
        return output("dpkg-deb", "--field", self.deb, name).strip()


def output(*command: object, **options: object) -> str:
    """What a command prints, which must succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def make(folder: Path) -> Package:
    build = paths.ROOT / "build" / "release"
    output("cpack", "--config", build / "CPackConfig.cmake", "-G", "DEB", "-B", folder / "cpack", cwd=build)
    (deb,) = (folder / "cpack").glob("*.deb")
    output("dpkg-deb", "--extract", deb, folder / "root")
    return Package(deb, folder / "root")
