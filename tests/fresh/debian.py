"""A minimal Debian 12, made by debootstrap from the mirror that this machine's apt uses, and kept as an archive."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "fresh"
SUITE = "bookworm"
VARIANT = "minbase"  # packages of priority "required", and apt


class Unavailable(Exception):
    """A minimal Debian cannot be made on this machine; the message says why."""


def why_not() -> str:
    """Returns why this machine cannot run one, or an empty string."""
    if os.geteuid() != 0:
        return "only root can mount what a machine in a folder needs"
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True,
                          text=True, check=False)
    return f"no namespaces here: {done.stderr.strip()}" if done.returncode != 0 else ""


def mirror() -> str:
    """Where this machine's apt gets the suite's packages."""
    listed = subprocess.run(["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"],
                            capture_output=True, text=True, check=True).stdout
    found = re.search(rf"^{SUITE} main (\S+)$", listed, re.MULTILINE)
    if found is None:
        raise Unavailable(f"this machine's apt has no source of Debian's {SUITE}, main")
    return found[1]


def archive() -> Path:
    """The archive of the machine's files. It is made once."""
    path = CACHE / f"{SUITE}-{VARIANT}.tar"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix="making-", dir=CACHE))
        try:
            _bootstrap(scratch / "tree")
            subprocess.run(["tar", "--create", "--file", scratch / "tar", "--directory", scratch / "tree", "--numeric-owner", "."],
                           check=True)
            (scratch / "tar").rename(path)
        finally:
            shutil.rmtree(scratch)
    return path


def _bootstrap(tree: Path) -> None:
    done = subprocess.run(["debootstrap", f"--variant={VARIANT}", SUITE, tree, mirror()], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"debootstrap failed:\n{done.stdout[-2000:]}")
    for leftover in (*tree.glob("var/cache/apt/archives/*.deb"), *tree.glob("var/lib/apt/lists/*_*")):
        leftover.unlink()
