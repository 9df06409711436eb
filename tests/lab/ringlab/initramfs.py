"""What the machine boots with: busybox, the modules for KVM and the job's disk, and Ringside's shared libraries.

All that depends on the job comes later, on a disk (job_disk.py), so that one saved machine serves every job. The archive
is not compressed: the emulators are handed it in memory, and unpacking inside them costs more than copying outside.
"""

from dataclasses import dataclass
from pathlib import Path

from . import cache, elf, tools
from .cpio import Archive
from .errors import LabError
from .kernel import Kernel

INIT = Path(__file__).parent.parent / "guest" / "init"
NETWORK_MODULES = ("virtio_pci", "virtio_net")  # the bus first: nothing depends on it by name


@dataclass(frozen=True)
class Contents:
    """What is copied inside, in addition to busybox."""

    modules: tuple[str, ...]  # by name, without their dependencies
    libraries: frozenset[Path] = frozenset()  # shared libraries, at the paths where programs look for them


def base_archive(kernel: Kernel, contents: Contents) -> Path:
    """The cached archive of everything that does not change from run to run."""
    modules = _with_dependencies(kernel, contents.modules)
    busybox = Path(tools.find("busybox")).resolve()
    libraries = sorted(contents.libraries)
    key = cache.digest("base 3", kernel.package, *modules, INIT, busybox, *(part for path in libraries for part in (str(path), path)))

    def build(path: Path) -> None:
        archive = Archive()
        archive.add_file("/init", INIT.read_bytes(), executable=True)
        archive.add_file("/bin/busybox", busybox.read_bytes(), executable=True)
        archive.add_link("/bin/sh", "busybox")
        archive.add_file("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        archive.add_file("/etc/hosts", b"127.0.0.1 localhost\n")
        for number, module in enumerate(modules):
            archive.add_file(f"/lab/modules/{number:02}-{_module_name(module)}.ko", elf.stripped_module(_plain_module(module)))
        for folder in ("/proc", "/sys", "/dev", "/tmp", "/run", "/root"):
            archive.add_folder(folder)
        for library in libraries:
            archive.add_file(str(library), elf.stripped(library), executable=True)
        path.write_bytes(archive.to_bytes())

    return cache.entry(f"{key}.cpio", build)


def expand(inside: str, outside: Path) -> dict[str, Path]:
    """A file as it is, a folder as all the files below it."""
    if outside.is_dir():
        found = sorted(path for path in outside.rglob("*") if path.is_file())
        return {f"{inside}/{path.relative_to(outside)}": path for path in found}
    if not outside.is_file():
        raise LabError(f"{outside}: no such file")
    return {inside: outside}


def with_libraries(files: dict[str, Path]) -> dict[str, Path]:
    """The files and the shared libraries of the programs among them."""
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
