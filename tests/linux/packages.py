"""Parts of Debian's packages, downloaded and never installed; and other kernels than the lab's own, which are such parts."""

import gzip
import subprocess
from pathlib import Path

from tests.linux.lab import cache, kernel

XEN = "xen-hypervisor-4.17-amd64"


def download(package: str, version: str, folder: Path) -> Path:
    """The .deb file. Without a version apt's newest."""
    wanted = f"{package}={version}" if version else package
    subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", wanted], cwd=folder, check=True)
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


def boot_files(package: str, wanted: str) -> Path:
    """The folder with those of the package's files in /boot."""
    def make(tree: Path) -> None:
        tree.mkdir()
        unpack(download(package, "", tree.parent), tree, f"./boot/{wanted}")

    return cache.entry(f"{package}.boot", make) / "boot"


def memtest() -> Path:
    """The folder with memtest86+ia32.bin and memtest86+x64.bin."""
    return boot_files("memtest86+", "*.bin")


def ipxe() -> Path:
    """ipxe.lkrn, which a BIOS has to start."""
    return boot_files("ipxe", "ipxe.lkrn") / "ipxe.lkrn"


def xen() -> Path:
    """The hypervisor as an ELF file: its boot loader would unpack it."""
    def make(path: Path) -> None:
        unpack(download(XEN, "", path.parent), path.parent, "./boot/xen-*-amd64.gz")
        path.write_bytes(gzip.decompress(next(path.parent.glob("boot/xen-*-amd64.gz")).read_bytes()))

    return cache.entry(f"{XEN}.elf", make)
