"""A copy of the sources, which may be changed: nobody else's build sees it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path


def tracked(tree: Path) -> list[str]:
    """The files of a checkout that git tracks or would add."""
    listed = subprocess.run(["git", "-C", tree, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (tree / name).is_file()]


def renew(tree: Path, copy: Path, changed: Mapping[str, str]) -> None:
    """Makes the copy what the checkout is now, but for the files in `changed`, which have the text given there.

    Files that are as they should be are not written, so that a build there compiles only what differs from the last time. The copy's
    own `build` stays.
    """
    content = {name: (tree / name).read_bytes() for name in tracked(tree)}
    content |= {name: text.encode() for name, text in changed.items()}
    for path in [path for path in copy.rglob("*") if path.is_file()]:
        name = path.relative_to(copy)
        if name.parts[0] != "build" and str(name) not in content:
            path.unlink()
    for name, data in content.items():
        path = copy / name
        if not path.is_file() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            if (tree / name).is_file():
                path.chmod((tree / name).stat().st_mode)
