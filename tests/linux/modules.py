"""Debian's modules for a guest's initramfs, with those that they need, in the order in which they are loaded."""

from pathlib import Path

from tests.linux.lab import cpio

LOAD = "for module in /modules/*; do insmod $module; done"  # what the guest says


def depends(module: Path) -> list[str]:
    """What a module says that it needs, in its .modinfo section."""
    for field in module.read_bytes().split(b"\0"):
        if field.startswith(b"depends="):
            return [name.decode() for name in field.removeprefix(b"depends=").split(b",") if name]
    return []


def in_order(debian: object, names: tuple[str, ...] | list[str]) -> list[Path]:
    """The modules and what they need, each behind its needs."""
    found: list[Path] = []
    for name in names:
        module = debian.module(name)
        found += [path for path in (*in_order(debian, depends(module)), module) if path not in found]
    return found


def archive(debian: object, names: tuple[str, ...]) -> bytes:
    """More for an initrd, behind its own archive: they are where LOAD finds them."""
    found = cpio.Archive()
    found.add_folder("/modules")
    for number, module in enumerate(in_order(debian, names)):
        found.add_file(f"/modules/{number:02}-{module.name}", module.read_bytes())
    return found.to_bytes()
