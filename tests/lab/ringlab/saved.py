"""Saved machines: booted once, then started from where they wait for a job (guest/init).

A saved state is an entry of the cache, a folder named by a digest of everything that the booted machine is made of, so a
state of other contents is never found. `manifest.json` is written last and lists the files' sizes: a state that does not
match it is removed and made again. A state that matches but whose machine does not take its job is removed by the runner.
"""

import json
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from . import cache
from .emulator import Emulator, Setup
from .errors import LabError
from .session import Session

MANIFEST = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class State:
    """A saved machine in the cache."""

    folder: Path

    def valid(self) -> bool:
        """True if every file exists in its full size."""
        try:
            sizes = json.loads((self.folder / MANIFEST).read_text())
            return bool(sizes) and all((self.folder / name).stat().st_size == size for name, size in sizes.items())
        except (OSError, ValueError, AttributeError, TypeError):
            return False

    def discard(self) -> None:
        cache.remove(self.folder)


def state_for(host: type[Emulator], setup: Setup) -> State | None:
    """The saved machine that `setup` can start from, made now if there is none; None if it cannot be saved."""
    name = f"state-{cache.digest(FORMAT, *host.identity(setup))}"
    found = State(cache.root() / name)
    try:
        with cache.lock(name):  # another run may be making it: two at once would only take longer
            if found.folder.exists() and not found.valid():
                found.discard()
            cache.entry(name, lambda folder: _make(host, setup, folder))
    except LabError as error:
        print(f"lab: starting without a saved machine: {error}", file=sys.stderr)
        return None
    cache.trim()
    return found


def _make(host: type[Emulator], setup: Setup, folder: Path) -> None:
    """Boot a machine with an empty disk and save it while it waits for a job."""
    folder.mkdir()
    own = setup.folder / "saving"
    own.mkdir()
    disk = own / "empty-disk"
    with disk.open("wb") as file:
        file.truncate(setup.disk.stat().st_size)
    with host(replace(setup, folder=own, disk=disk)) as emulator:
        Session(emulator).wait_until_ready()
        emulator.save(folder)
    sizes = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    (folder / MANIFEST).write_text(json.dumps(sizes))
    with suppress(OSError):
        disk.unlink()
