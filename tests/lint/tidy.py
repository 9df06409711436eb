"""clang-tidy over our own C++, in parallel, through the compile commands of a Clang build.

A file that was clean stays clean until something that it is made of changes: its text, a header of the project that it
includes, its compile command, or .clang-tidy. So a clean result is remembered under a hash of all of these, for every
checkout.
With --changed, only what differs from the last commit (and is part of it) is looked at.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.lint import sources

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
CLEAN = CACHE / "ringside" / "clang-tidy"
# Guests are kernels: casts between addresses and pointers are what they are about.
FOLDERS = ("arch/", "gdbstub/", "vmm/", "tests/")


def compile_commands(build: Path) -> dict[str, str]:
    """Our .cpp files and how each is compiled."""
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    commands = {}
    for entry in entries:
        path = Path(entry["directory"], entry["file"]).resolve()
        if path.is_relative_to(sources.ROOT):
            commands[str(path.relative_to(sources.ROOT))] = entry["command"]
    return {path: command for path, command in commands.items() if path.startswith(FOLDERS)}


def changed(graph: sources.IncludeGraph, candidates: list[str]) -> list[str]:
    """The candidates that were changed, and for each changed header one file that includes it."""
    names = set(sources.git("diff", "--name-only", "HEAD"))
    names |= set(sources.git("ls-files", "--others", "--exclude-standard"))
    names |= set(sources.git("show", "--name-only", "--format=", "HEAD"))
    chosen = {path for path in candidates if path in names}
    for header in (name for name in names if name.endswith(".h")):
        includers = [path for path in candidates if header in graph.closure(path)]
        own = header.removesuffix(".h") + ".cpp"
        chosen.update([own] if own in includers else includers[:1])
    return sorted(chosen)


def fingerprint(path: str, command: str, graph: sources.IncludeGraph) -> str:
    digest = hashlib.sha256(command.replace(str(sources.ROOT), "").encode())
    for name in sorted({".clang-tidy", *graph.closure(path)}):
        digest.update(name.encode() + b"\0" + sources.read(name).encode() + b"\0")
    return digest.hexdigest()


def check(path: str, build: Path) -> str:
    """The findings in one file; empty if it is clean."""
    command = ["clang-tidy-14", "--quiet", f"-p={build}", str(sources.ROOT / path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return ""
    return result.stdout.strip() or result.stderr.strip() or f"clang-tidy ended with status {result.returncode}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.lint.tidy")
    parser.add_argument("--build", type=Path, required=True, help="where compile_commands.json is")
    parser.add_argument("--changed", action="store_true")
    arguments = parser.parse_args()

    commands = compile_commands(arguments.build)
    forgotten = [path for path in sources.cpp_files() if path.endswith(".cpp") and path.startswith(FOLDERS)
                 and path not in commands]
    for path in forgotten:
        print(f"{path}: no target compiles it")
    graph = sources.IncludeGraph({path: sources.read(path) for path in sources.cpp_files()})
    chosen = changed(graph, sorted(commands)) if arguments.changed else sorted(commands)
    keys = {path: CLEAN / fingerprint(path, commands[path], graph) for path in chosen}
    todo = [path for path in chosen if not keys[path].exists()]
    print(f"{len(chosen)} files, {len(todo)} of them not known to be clean", flush=True)

    CLEAN.mkdir(parents=True, exist_ok=True)
    dirty = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, findings in zip(todo, pool.map(lambda path: check(path, arguments.build), todo)):
            if findings:
                dirty += 1
                print(f"{path}:\n{findings}\n", flush=True)
            else:
                keys[path].touch()
    print(f"{dirty} files with findings")
    return 1 if dirty or forgotten else 0


if __name__ == "__main__":
    sys.exit(main())
