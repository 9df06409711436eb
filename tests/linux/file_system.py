"""A file system in a file, for a guest's disk."""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path


def make(image: Path, kind: str, size: int, files: Mapping[str, bytes]) -> None:
    """`kind` as mke2fs has it; `files` are in its root."""
    with tempfile.TemporaryDirectory(prefix="ringside-disk-") as content:
        for name, data in files.items():
            (Path(content) / name).write_bytes(data)
        with image.open("wb") as file:
            file.truncate(size)
        subprocess.run(["/sbin/mke2fs", "-q", "-t", kind, "-d", content, image], check=True)
