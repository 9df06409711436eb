"""What source-level debugging of Debian's cloud kernel needs, in one folder as a kernel's build tree has it:

    vmlinux, modules/*.ko          from linux-image-*-cloud-amd64-dbg
    vmlinux-gdb.py, scripts/gdb    from linux-source-6.1: Debian's kernels are configured without them (CONFIG_GDB_SCRIPTS)

The scripts' constants.py is made from the kernel's headers, as the kernel's own build would (scripts/gdb/linux/Makefile).
Downloaded once, some 440 MB; 680 MB stay in the lab's cache. As a program: says where.
"""

import shutil
import subprocess
from pathlib import Path

from tests.linux.lab import cache, kernel
from tests.linux.packages import download, unpack

MARK = "<!-- end-c-headers -->"  # all before it is for the preprocessor alone
HEADERS = ("arch/x86/include", "include", "arch/x86/include/uapi", "include/uapi")
FORCED = ("include/linux/kconfig.h", "include/linux/compiler_types.h")


def constants(template: Path, common: Path, flavour: Path) -> str:
    """The scripts' constants, with the headers that are the same for all flavours of Debian's kernel and those of one."""
    folders = [folder for path in HEADERS
               for folder in (common / path, flavour / path.replace("include", "include/generated", 1))]
    options = [f"-I{folder}" for folder in (*folders, flavour / "include")]
    options += [option for path in FORCED for option in ("-include", common / path)]
    text = subprocess.run(["gcc", "-E", "-x", "c", "-P", "-nostdinc", "-D__KERNEL__", '-DKBUILD_MODNAME=""', *options, template],
                          capture_output=True, text=True, check=True).stdout
    return text.split(MARK, 1)[1]


def add_symbols(release: str, version: str, scratch: Path, tree: Path) -> None:
    deb = download(f"linux-image-{release}-dbg", version, scratch)
    unpack(deb, scratch, "./usr/lib/debug/boot/vmlinux-*", "*/kernel/drivers/block/virtio_blk.ko",
           "*/kernel/drivers/virtio/virtio*.ko")
    deb.unlink()
    debug = scratch / "usr" / "lib" / "debug"
    next(debug.glob("boot/vmlinux-*")).rename(tree / "vmlinux")
    (tree / "modules").mkdir()
    for module in debug.glob("lib/modules/**/*.ko"):
        module.rename(tree / "modules" / module.name)


def add_scripts(release: str, version: str, scratch: Path, tree: Path) -> None:
    series = ".".join(release.split(".")[:2])
    abi = release.removesuffix("-cloud-amd64")
    unpack(download(f"linux-source-{series}", version, scratch), scratch, "*.tar.xz")
    sources = next(scratch.glob("usr/src/linux-source-*.tar.xz"))
    subprocess.run(["tar", "xJf", sources, "-C", tree, "--strip-components=1", "--wildcards", "*/scripts/gdb/*"], check=True)
    for package in (f"linux-headers-{abi}-common", f"linux-headers-{release}"):
        unpack(download(package, version, scratch), scratch, "./usr/src/*")
    headers = scratch / "usr" / "src"
    template = tree / "scripts" / "gdb" / "linux" / "constants.py.in"
    template.with_name("constants.py").write_text(
        constants(template, headers / f"linux-headers-{abi}-common", headers / f"linux-headers-{release}"), encoding="utf-8")
    shutil.copyfile(tree / "scripts" / "gdb" / "vmlinux-gdb.py", tree / "vmlinux-gdb.py")


def prepare() -> Path:
    """The folder for the lab's kernel, made once."""
    package, version = kernel.prepare().package.split("_", 1)
    release = package.removeprefix("linux-image-")

    def make(tree: Path) -> None:
        scratch = tree.parent / "scratch"
        for folder in (tree, scratch):
            folder.mkdir()
        add_symbols(release, version, scratch, tree)
        add_scripts(release, version, scratch, tree)

    return cache.entry(f"{package}-dbg_{version}", make)


if __name__ == "__main__":
    print(prepare())
