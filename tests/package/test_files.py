"""What the package holds and asks for."""

import gzip
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.harness import paths
from tests.package import command_line
from tests.package.installed import Package, output

GUESTS = ("chips", "demo64", "exits", "hello16.bin", "hello16.elf", "protected32", "smp", "virtio")


def expected_files(package: Package) -> set[str]:
    pages = ["ringside", "ringside-demo", *(f"ringside-{name}" for name in command_line.commands(package.program()))]
    lab = paths.ROOT / "tests" / "lab"
    parts = [path for folder in ("boot", "guest", "ringlab") for path in (lab / folder).iterdir() if path.is_file()]
    return {
        "/usr/bin/ringside", "/usr/bin/ringside-demo",
        *(f"/usr/share/man/man1/{page}.1.gz" for page in pages),
        "/usr/share/bash-completion/completions/ringside", "/usr/share/zsh/vendor-completions/_ringside",
        "/usr/share/doc/ringside/copyright", "/usr/share/doc/ringside/changelog.gz", "/usr/share/lintian/overrides/ringside",
        *(f"/usr/share/ringside/guests/{guest}" for guest in (*GUESTS, "demo.py", "demo.gdb")),
        *(f"/usr/share/ringside/lab/{program}" for program in ("demo", "gdb-server", "host", "kernel", "run")),
        *(f"/usr/share/ringside/lab/{path.relative_to(lab)}" for path in parts),
    }


def test_every_file_is_where_debian_wants_it(package: Package) -> None:
    sources = {name for name in package.files() if name.startswith("/usr/share/ringside/guests/source/")}
    assert "/usr/share/ringside/guests/source/demo64/work.cpp" in sources
    assert package.files() - sources == expected_files(package)


def test_cmake_installs_the_same_files_below_another_root(package: Package, tmp_path: Path) -> None:
    output("cmake", "--install", paths.ROOT / "build" / "release", "--prefix", "/usr", env={**os.environ, "DESTDIR": str(tmp_path)})
    assert Package(package.deb, tmp_path).files() == package.files()


def test_it_depends_on_what_it_runs(package: Package) -> None:
    depends = {entry.split()[0] for entry in package.field("Depends").split(", ")}
    assert {"gdb", "python3", "bochs", "vgabios", "qemu-system-x86", "busybox-static"} <= depends
    assert {"libc6", "libstdc++6", "libdw1"} <= depends  # found in the program
    assert not {name for name in depends if name.endswith("-dev") or name in ("g++", "cmake", "chromium")}


def test_lintian_has_nothing_to_say(package: Package) -> None:
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", package.deb], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_guests_keep_their_debug_information(package: Package) -> None:
    guest = package.share / "ringside" / "guests" / "demo64"
    assert "DW_TAG_compile_unit" in output("readelf", "--debug-dump=info", guest)


def test_the_installed_lab_finds_the_program_and_the_guests(package: Package) -> None:
    script = "from ringlab import places; print(places.BINARY, places.GUESTS, places.DEMO_SCRIPT, sep='\\n')"
    found = output("/usr/bin/python3", "-B", "-c", script, cwd=package.share / "ringside" / "lab").splitlines()
    guests = package.share / "ringside" / "guests"
    assert [Path(path).resolve() for path in found] == [path.resolve() for path in (package.program(), guests, guests / "demo.py")]


@pytest.mark.parametrize("page", ["ringside", "ringside-run", "ringside-gdb", "ringside-doctor", "ringside-exits", "ringside-ide", "ringside-core", "ringside-ctl", "ringside-top", "ringside-demo"])
def test_a_page_renders_without_a_warning(package: Package, page: str) -> None:
    text = gzip.decompress((package.share / "man" / "man1" / f"{page}.1.gz").read_bytes())
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-z"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")


def test_the_page_of_ctl_has_every_monitor_command(package: Package) -> None:
    """Every row of the monitor's page, whose rows are compared with `monitor help` elsewhere."""
    rows = re.findall(r"(?m)^\| (`.*?) \| ", (paths.ROOT / "vmm/debug/monitor/README.md").read_text(encoding="utf-8"))
    page = gzip.decompress((package.share / "man" / "man1" / "ringside-ctl.1.gz").read_bytes()).decode().replace("\\-", "-")
    assert len(rows) > 50
    assert [row for row in rows if re.sub("`([^`]*)`", r"\\fB\1\\fR", row.replace("\\|", "|")) not in page] == []


def test_each_page_has_every_option_of_its_command(package: Package) -> None:
    program = package.program()
    for command in ([], *([name] for name in command_line.commands(program))):
        page = package.share / "man" / "man1" / ("-".join(["ringside", *command]) + ".1.gz")
        shown = gzip.decompress(page.read_bytes()).decode().replace("\\-", "-")
        options = command_line.options(program, *command)
        assert options
        assert [name for name in options if f"\\fB{name}\\fR" not in shown] == []
