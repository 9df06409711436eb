"""What can go wrong in the lab itself, as opposed to in a command that it runs."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LabError(Exception):
    """The lab could not do its work. The message is one line for the user; `details` (a console's tail) may follow."""

    def __init__(self, message: str, details: str = ""):
        super().__init__(message)
        self.details = details


@contextmanager
def writing(folder: Path, elsewhere: str) -> Iterator[None]:
    """What fails because files cannot be written in `folder` becomes one line that says so. `elsewhere` tells the user how to
    choose another folder."""
    try:
        yield
    except (OSError, LabError) as error:
        if _disk_is_full(error):
            raise LabError(f"no space is left in {folder}: make room, or {elsewhere}") from error
        if isinstance(error, OSError):
            advice = f": make it writable, or {elsewhere}" if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) else ""
            raise LabError(f"{error.filename or folder}: {error.strerror}{advice}") from error
        raise


def _disk_is_full(error: OSError | LabError) -> bool:
    """A program that the lab ran has the reason in what it wrote."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return os.strerror(errno.ENOSPC) in error.details
