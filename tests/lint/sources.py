"""Which files are ours, and which of them include which."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CPP_SUFFIXES = (".h", ".cpp")

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def git(*arguments: str) -> list[str]:
    output = subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True, text=True).stdout
    return output.splitlines()


def ours() -> list[str]:
    """Every file of the project that git knows or would take, as a path from the root."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard")
    return sorted(path for path in set(listed) if (ROOT / path).is_file())


def cpp_files() -> list[str]:
    return [path for path in ours() if path.endswith(CPP_SUFFIXES)]


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def includes(text: str) -> tuple[list[str], list[str]]:
    """The quoted and the angle-bracket includes of a file."""
    found = _INCLUDE.findall(text)
    return [name for kind, name in found if kind == '"'], [name for kind, name in found if kind == "<"]


class IncludeGraph:
    """The quoted includes among our files, which are written from the project's root."""

    def __init__(self, files: dict[str, str]):
        self._edges = {path: [name for name in includes(text)[0] if name in files] for path, text in files.items()}

    def closure(self, path: str) -> set[str]:
        """The file itself and every file of the project that it includes, directly or not."""
        seen, todo = set(), [path]
        while todo:
            current = todo.pop()
            if current not in seen:
                seen.add(current)
                todo += self._edges.get(current, [])
        return seen
