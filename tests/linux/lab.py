"""The lab's own modules, for tests outside of it: it is a program of its own, and so no package of this one."""

import importlib
import sys
from pathlib import Path

LAB = Path(__file__).resolve().parents[1] / "lab"
sys.path.insert(0, str(LAB))
cache = importlib.import_module("ringlab.cache")
cpio = importlib.import_module("ringlab.cpio")
kernel = importlib.import_module("ringlab.kernel")
