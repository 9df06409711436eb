"""The commands that the README tells its reader to type."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def commands(section: str, text: str | None = None) -> list[str]:
    """The indented lines of a section, without their comments."""
    text = README.read_text(encoding="utf-8") if text is None else text
    body = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if body is None:
        raise ValueError(f"the README has no section {section!r}")
    lines = [line.strip() for line in body[1].splitlines() if line.startswith("    ")]
    found = [re.sub(r"\s+#.*", "", line) for line in lines]
    if not found:
        raise ValueError(f"the README's section {section!r} has no command")
    return found
