"""Debian's cloud kernel: downloaded once, unpacked beside the cache's other entries, never installed."""

import re
import struct
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from . import cache, tools
from .errors import LabError

META_PACKAGE = "linux-image-cloud-amd64"

# The first bytes of a compressed kernel, and what unpacks it to standard output.
DECOMPRESSORS = {
    b"\x02\x21\x4c\x18": ("lz4", "-dc"),
    b"\xfd7zXZ\x00": ("xz", "-dc", "--single-stream"),
    b"\x28\xb5\x2f\xfd": ("zstd", "-dc"),
}


@dataclass(frozen=True)
class Kernel:
    """A kernel as both emulators take it, and its modules."""

    package: str
    vmlinux: Path  # the ELF file out of the bzImage; QEMU boots it through its PVH note
    flat: Path  # the same as bytes from physical address `load_address` on
    load_address: int
    pvh_entry: int
    tree: Path  # the unpacked package

    def module(self, name: str) -> Path:
        """The path of a module's .ko (or .ko.xz, .ko.zst) file."""
        try:
            return self._modules[name.replace("-", "_")]
        except KeyError:
            raise LabError(f"{self.package} has no module {name}") from None

    @cached_property
    def _modules(self) -> dict[str, Path]:
        """By their names as the kernel spells them: with `_`, where a file's name may have `-`."""
        files = sorted(self.tree.glob("lib/modules/*/kernel/**/*.ko*"), reverse=True)
        return {path.name.partition(".ko")[0].replace("-", "_"): path for path in files}


def prepare() -> Kernel:
    """Download (once), unpack and convert the kernel. Works offline when it is in the cache already."""
    package = _package()
    tree = cache.entry(package, lambda path: _download(package, path))
    image = next(tree.glob("boot/vmlinuz-*"), None)
    if image is None:
        raise LabError(f"{package} holds no boot/vmlinuz-*; remove {tree} to download it again")
    vmlinux = cache.entry(f"{package}.vmlinux", lambda path: path.write_bytes(_unpack_bzimage(image)))
    flat = cache.entry(f"{package}.flat", lambda path: _flatten(vmlinux, path))
    layout = cache.entry(f"{package}.layout", lambda path: path.write_text(f"{_load_address(vmlinux)} {_pvh_entry(vmlinux)}"))
    load_address, pvh_entry = map(int, layout.read_text().split())
    return Kernel(package, vmlinux, flat, load_address, pvh_entry, tree)


def _package() -> str:
    """The kernel package's name and version: a cached one, so that a lab stays on its kernel, otherwise apt's newest."""
    cached = sorted(path.name for path in cache.root().glob("linux-image-*-cloud-amd64_*") if path.is_dir())
    if cached:
        return cached[-1]
    depends = tools.run("apt-cache", "depends", META_PACKAGE).decode()
    name = re.search(r"Depends: (linux-image-\S+-cloud-amd64)$", depends, re.MULTILINE)
    if name:
        policy = tools.run("apt-cache", "policy", name[1]).decode()
        version = re.search(r"Candidate: (\d\S*)", policy)
        if version:
            return f"{name[1]}_{version[1]}"
    raise LabError(f"apt knows no {META_PACKAGE} and none is cached: run apt-get update as root, with network access")


def _download(package: str, path: Path) -> None:
    name, version = package.split("_", 1)
    download = path.parent
    try:
        tools.run("apt-get", "-o", "APT::Sandbox::User=root", "download", f"{name}={version}", cwd=download)
    except LabError as error:
        raise LabError(f"{name}, the lab's kernel, cannot be downloaded. It takes the network once and is then kept in {cache.root()}."
                       " If apt's lists are old: apt-get update, as root", error.details) from error
    deb = next(download.glob("*.deb"))
    tools.run("dpkg", "-x", deb, path)


def _unpack_bzimage(image: Path) -> bytes:
    """The ELF kernel inside a bzImage (Linux Documentation/arch/x86/boot.rst: payload_offset and payload_length).

    Decompression is done here because it is the slowest thing to do inside an emulator.
    """
    data = image.read_bytes()
    if data[0x202:0x206] != b"HdrS":
        raise LabError(f"{image} is not a bzImage")
    setup_sectors = data[0x1F1] or 4
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = data[start : start + length - 4]  # its last four bytes are the unpacked size
    size = struct.unpack_from("<I", data, start + length - 4)[0]
    for magic, (program, *options) in DECOMPRESSORS.items():
        if payload.startswith(magic):
            vmlinux = _filter_through(program, options, payload)
            if len(vmlinux) != size:
                raise LabError(f"{image} unpacks to {len(vmlinux)} bytes and announces {size}")
            return vmlinux
    raise LabError(f"{image} is compressed in a way that the lab does not know (first bytes {payload[:4].hex()})")


def _filter_through(program: str, options: list[str], data: bytes) -> bytes:
    done = subprocess.run([tools.find(program), *options], input=data, capture_output=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{program} cannot unpack the kernel", done.stderr.decode(errors="replace"))
    return done.stdout


def _flatten(vmlinux: Path, path: Path) -> None:
    tools.run("objcopy", "-O", "binary", vmlinux, path)


def _load_address(vmlinux: Path) -> int:
    """The lowest physical address of a PT_LOAD segment."""
    headers = tools.run("readelf", "-lW", vmlinux).decode()
    loads = re.findall(r"^\s+LOAD\s+\S+\s+\S+\s+(0x[0-9a-f]+)", headers, re.MULTILINE)
    return min(int(address, 16) for address in loads)


def _pvh_entry(vmlinux: Path) -> int:
    """The 32-bit entry point in the note XEN_ELFNOTE_PHYS32_ENTRY (type 18)."""
    notes = tools.run("readelf", "-nW", vmlinux).decode()
    note = re.search(r"\(0x00000012\)\s+description data: ((?:[0-9a-f]{2} )+)", notes)
    if not note:
        raise LabError(f"{vmlinux} has no PVH entry point")
    return int.from_bytes(bytes.fromhex(note[1])[:4], "little")
