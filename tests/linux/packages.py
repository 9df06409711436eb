"""Parts of Debian's packages, downloaded and never installed; and Debian's generic kernel, which is one such part."""

import subprocess
from pathlib import Path

from tests.linux.lab import cache, kernel


def download(package: str, version: str, folder: Path) -> Path:
    """The .deb file."""
    subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", f"{package}={version}"], cwd=folder, check=True)
    return next(folder.glob(f"{package}_*.deb"))


def unpack(deb: Path, folder: Path, *wanted: str) -> None:
    """Files whose paths match, at their paths, and no others."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as archive:
        subprocess.run(["tar", "x", "-C", folder, "--wildcards", *wanted], stdin=archive.stdout, check=True)


def generic_kernel() -> Path:
    """The bzImage of the generic kernel, of the same version as the lab's own kernel. 70 MB are downloaded, once; 8 are kept."""
    package, version = kernel.prepare().package.split("_", 1)
    generic = package.replace("-cloud-", "-")

    def make(tree: Path) -> None:
        tree.mkdir()
        deb = download(generic, version, tree.parent)
        unpack(deb, tree, "./boot/vmlinuz-*")

    return next(cache.entry(f"{generic}_{version}.boot", make).glob("boot/vmlinuz-*"))
