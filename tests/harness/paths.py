"""Where the programs under test are. The environment can point elsewhere: at a sanitizer's build, into the lab."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RINGSIDE = Path(os.environ.get("RINGSIDE", ROOT / "build" / "release" / "ringside"))
GUESTS = Path(os.environ.get("RINGSIDE_GUESTS", ROOT / "build" / "release" / "guests"))
SEABIOS = Path("/usr/share/seabios")  # Debian's package of that name
GDB = os.environ.get("GDB", "/usr/bin/gdb")
GDB_MINIMAL = os.environ.get("GDB_MINIMAL", GDB)  # may lack Python and CTF, and starts sooner: see harness/lab/gdb_minimal.py

