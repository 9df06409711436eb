"""The machine's file system: busybox, the KVM modules, and the programs and files of a run at the paths they have outside.

It is two archives that the kernel unpacks one after the other: a base that only depends on files and is cached, and a
small one with the run's settings and commands. Neither is compressed: the emulators are handed it in memory, and
unpacking inside them costs more than copying outside.
"""

from dataclasses import dataclass, field
from pathlib import Path

from . import cache, elf, tools
from .batch import Test
from .cpio import Archive
from .errors import LabError
from .kernel import Kernel

INIT = Path(__file__).parent.parent / "guest" / "init"
NETWORK_MODULES = ("virtio_pci", "virtio_net")  # the bus first: nothing depends on it by name


@dataclass(frozen=True)
class Contents:
    """What goes inside, beyond busybox."""

    modules: tuple[str, ...]  # by name, without their dependencies
    files: dict[str, Path] = field(default_factory=dict)  # path inside -> file outside


def base_archive(kernel: Kernel, contents: Contents) -> Path:
    """The cached archive of everything that does not change from run to run."""
    modules = _with_dependencies(kernel, contents.modules)
    busybox = Path(tools.find("busybox")).resolve()
    files = _with_libraries(contents.files)
    sources = sorted(files.items())
    key = cache.digest("base 1", kernel.package, *modules, INIT, busybox, *(part for pair in sources for part in pair))

    def build(path: Path) -> None:
        archive = Archive()
        archive.add_file("/init", INIT.read_bytes(), executable=True)
        archive.add_file("/bin/busybox", busybox.read_bytes(), executable=True)
        archive.add_link("/bin/sh", "busybox")
        archive.add_file("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        archive.add_file("/etc/hosts", b"127.0.0.1 localhost\n")
        for number, module in enumerate(modules):
            archive.add_file(f"/lab/modules/{number:02}-{_module_name(module)}.ko", elf.stripped(_plain_module(module)))
        for folder in ("/proc", "/sys", "/dev", "/tmp", "/run", "/root"):
            archive.add_folder(folder)
        for inside, outside in sources:
            _add(archive, inside, outside)
        path.write_bytes(archive.to_bytes())

    return cache.entry(f"{key}.cpio", build)


def run_archive(token: str, folder: str, tests: list[Test], collect: list[str], network: bool) -> bytes:
    """The archive of one run: its settings and one folder per command. `token` marks the lab's own lines (channel.py)."""
    archive = Archive()
    for needed in (folder, *(str(Path(path).parent) for path in collect)):
        archive.add_folder(needed)
    archive.add_file("/lab/token", token.encode())
    archive.add_file("/lab/folder", folder.encode())
    archive.add_file("/lab/collect", "".join(f"{path}\n" for path in collect).encode())
    if network:
        archive.add_file("/lab/network", b"")
    for number, test in enumerate(tests):
        archive.add_file(f"/lab/tests/{number:04}/command", test.command.encode())
        archive.add_file(f"/lab/tests/{number:04}/seconds", str(test.seconds).encode())
    return archive.to_bytes()


def expand(inside: str, outside: Path) -> dict[str, Path]:
    """A file as it is, a folder as all the files below it."""
    if outside.is_dir():
        found = sorted(path for path in outside.rglob("*") if path.is_file())
        return {f"{inside}/{path.relative_to(outside)}": path for path in found}
    if not outside.is_file():
        raise LabError(f"{outside}: no such file")
    return {inside: outside}


def _add(archive: Archive, inside: str, outside: Path) -> None:
    executable = bool(outside.stat().st_mode & 0o111)
    content = elf.stripped(outside) if elf.is_host_program(outside) else outside.read_bytes()
    archive.add_file(inside, content, executable)


def _with_libraries(files: dict[str, Path]) -> dict[str, Path]:
    found = dict(files)
    for outside in files.values():
        if elf.is_host_program(outside):
            found.update({str(library): library for library in elf.shared_libraries(outside)})
    return found


def _with_dependencies(kernel: Kernel, names: tuple[str, ...]) -> list[Path]:
    """The modules' files in the order in which they must be loaded."""
    ordered: list[Path] = []

    def visit(name: str) -> None:
        module = kernel.module(name)
        if module not in ordered:
            for dependency in _dependencies(module):
                visit(dependency)
            ordered.append(module)

    for name in names:
        visit(name)
    return ordered


def _dependencies(module: Path) -> list[str]:
    """The modules that this one names in its .modinfo section: NUL-terminated `key=value` strings."""
    content = _plain_module(module).read_bytes()
    start = content.index(b"\0depends=") + len(b"\0depends=")
    names = content[start : content.index(b"\0", start)].decode()
    return names.split(",") if names else []


def _plain_module(module: Path) -> Path:
    """The module's .ko, unpacked if the package has it compressed."""
    if module.suffix not in (".xz", ".zst"):
        return module
    program = "xz" if module.suffix == ".xz" else "zstd"
    name = f"{cache.digest('module', module)}.ko"
    return cache.entry(name, lambda path: path.write_bytes(tools.run(program, "-dc", module)))


def _module_name(module: Path) -> str:
    return module.name.split(".ko")[0]
