"""The lab's own modules and programs, for tests outside of it."""

from pathlib import Path

from tests.lab.ringlab import cache, cpio, kernel

LAB = Path(__file__).resolve().parents[1] / "lab"

__all__ = ["LAB", "cache", "cpio", "kernel"]
