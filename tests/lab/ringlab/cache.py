"""A store outside the source tree for what is downloaded or made once. An entry's name is a digest of all that went into it.

An entry appears under its final name complete or not at all, so parallel runs may make the same one and nothing breaks:
the slower one finds the name taken and uses the existing file.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import writing

LIMIT = 4 << 30
ELSEWHERE = "name another place for the lab's cache, which takes some 600 MB, in XDG_CACHE_HOME"
DAY = 24 * 3600
KEPT = "linux-image-"  # trim() leaves the kernel: it may not be there to download again


def root() -> Path:
    """`$XDG_CACHE_HOME/ringside/lab`, by default `~/.cache/ringside/lab`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(base) / "ringside" / "lab"
    with writing(path, ELSEWHERE):
        path.mkdir(parents=True, exist_ok=True)
    return path


def digest(*parts: object) -> str:
    """A short name for a tuple of values; bytes count as they are, paths count by their contents."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            content = _content_digest(part)
        else:
            content = hashlib.sha256(part if isinstance(part, bytes) else str(part).encode()).digest()
        total.update(content)
    return total.hexdigest()[:24]


def _content_digest(path: Path) -> bytes:
    """The digest of a file's contents, which is computed once for each version of the file: kernels and programs are large."""

    def compute(made: Path) -> None:
        with path.open("rb") as file:
            made.write_bytes(hashlib.file_digest(file, "sha256").digest())

    return remembered("digest", path, compute).read_bytes()


def remembered(kind: str, path: Path, make: Callable[[Path], None]) -> Path:
    """The entry that `make` derives from one file. A file is taken for the same while its inode, size and times are."""
    status = path.stat()
    version = (kind, path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return entry(f"{digest(*map(str, version))}.{kind}", make)


def entry(name: str, make: Callable[[Path], None]) -> Path:
    """The cached file or folder `name`; `make(path)` creates it at a temporary path when it is not there yet."""
    if found := find(name):
        return found
    final = root() / name
    with writing(root(), ELSEWHERE):
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


def find(name: str) -> Path | None:
    """The cached file or folder `name`, if it is there."""
    path = root() / name
    if not path.exists():
        return None
    with suppress(OSError):
        # trim() removes what has not been used for long. A use is noted once a day: it makes the file another one to remembered().
        if time.time() - _last_use(path) > DAY:
            os.utime(path)
    return path


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Keeps other processes out of the same context."""
    with writing(root(), ELSEWHERE):
        file = (root() / f".lock-{name}").open("w")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove(path: Path) -> None:
    """Remove an entry, at once for all that look for it; programs that have its files open can continue."""
    scratch = Path(tempfile.mkdtemp(prefix=".removing-", dir=root()))
    with suppress(OSError):
        path.rename(scratch / "entry")
    shutil.rmtree(scratch, ignore_errors=True)


def trim(limit: int = LIMIT) -> None:
    """Remove the entries that were not used for the longest time until the rest takes no more than `limit` bytes of disk."""
    for path in root().glob(".making-*"):  # a process has died over it
        if time.time() - _last_use(path) > DAY:
            remove(path)
    entries = [path for path in root().iterdir() if not path.name.startswith((".", KEPT))]
    sized = sorted(((_last_use(path), disk_use(path), path) for path in entries), key=lambda entry: entry[0], reverse=True)
    total = 0
    for _, size, path in sized:
        total += size
        if total > limit:
            remove(path)


def disk_use(path: Path) -> int:
    """Bytes of disk that a file or the files of a folder take. A sparse file takes less than its size."""
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    total = 0
    for file in files:
        with suppress(OSError):
            total += file.lstat().st_blocks * 512
    return total


def _last_use(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0
