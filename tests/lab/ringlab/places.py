"""Where the program, the guests and the demo's script are: in the source tree and its build, or where a package puts them."""

from pathlib import Path

_LAB = Path(__file__).parents[1]

if (_LAB.parents[1] / "CMakePresets.json").is_file():
    _TREE = _LAB.parents[1]
    BINARY = _TREE / "build" / "release" / "ringside"
    GUESTS = BINARY.parent / "guests"
    DEMO_SCRIPT = _TREE / "guests" / "demo.py"
else:
    BINARY = _LAB.parents[2] / "bin" / "ringside"
    GUESTS = _LAB.parent / "guests"
    DEMO_SCRIPT = GUESTS / "demo.py"
