"""A store outside the source tree for what is downloaded or made once. An entry's name is a digest of all that went into it.

An entry appears under its final name complete or not at all, so parallel runs may make the same one and nothing breaks:
the slower one finds the name taken and uses what is there.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def root() -> Path:
    """`$XDG_CACHE_HOME/ringside/lab`, by default `~/.cache/ringside/lab`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / "ringside" / "lab"
    path.mkdir(parents=True, exist_ok=True)
    return path


def digest(*parts: object) -> str:
    """A short name for a tuple of values; bytes count as they are, paths count by their contents."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            with part.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
        else:
            content = hashlib.sha256(part if isinstance(part, bytes) else str(part).encode()).digest()
        total.update(content)
    return total.hexdigest()[:24]


def entry(name: str, make: Callable[[Path], None]) -> Path:
    """The cached file or folder `name`; `make(path)` creates it at a temporary path when it is not there yet."""
    final = root() / name
    if final.exists():
        return final
    scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=root()))
    try:
        made = scratch / "entry"
        make(made)
        try:
            made.rename(final)
        except OSError:
            if not final.exists():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return final
