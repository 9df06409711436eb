"""What is missing is named with the package that brings it: the tables of ringlab/tools.py agree with dpkg."""

import shutil
import subprocess
from pathlib import Path
from unittest import mock

import pytest

from ringlab import tools
from ringlab.errors import LabError


def dpkg_query(*arguments: str) -> str:
    return subprocess.run(["dpkg-query", *arguments], capture_output=True, text=True, check=False).stdout


def owners(path: str) -> set[str]:
    """The packages that a file belongs to, all links followed. dpkg knows the files of /usr/bin, /usr/sbin and /usr/lib by the
    paths in their packages, which may lack the /usr."""
    real = str(Path(path).resolve())
    found = dpkg_query("--search", real) + dpkg_query("--search", real.removeprefix("/usr"))
    lines = [line for line in found.splitlines() if not line.startswith("diversion ")]
    return {name.strip().partition(":")[0] for line in lines for name in line.rpartition(": ")[0].split(",")}


def brought_by(package: str) -> set[str]:
    """A package and what apt installs with it in every case: recommended packages are not among that."""
    depends = dpkg_query("--show", "--showformat=${Depends}, ${Pre-Depends}", package)
    return {package} | {name.split()[0].partition(":")[0] for name in depends.replace("|", ",").split(",") if name.strip()}


def required() -> dict[str, str]:
    """Paths of everything in the tables that is installed."""
    programs = {path: package for name, package in tools.PROGRAMS.items() if (path := shutil.which(name))}
    return programs | {path: package for path, package in tools.FILES.items() if Path(path).exists()}


class TestPackages:
    def test_everything_named_is_installed(self) -> None:
        absent = [name for name in tools.PROGRAMS if not shutil.which(name)]
        absent += [path for path in tools.FILES if not Path(path).exists()]
        assert absent == []

    def test_each_belongs_to_the_package_that_is_named(self) -> None:
        for path, package in required().items():
            assert owners(path) & brought_by(package), f"{owners(path)} owns {path}, and {package} does not bring it"

    def test_a_link_into_a_recommended_package_would_be_noticed(self) -> None:
        link = "/usr/share/bochs/VGABIOS-lgpl-latest"
        assert owners(link) == {"vgabios"}
        assert "vgabios" not in brought_by("bochsbios")

    def test_a_missing_program_and_a_missing_file_name_their_package(self) -> None:
        with mock.patch.object(shutil, "which", return_value=None), pytest.raises(LabError, match="apt-get install binutils"):
            tools.find("ld")
        missing = "/nonexistent/bios"
        with mock.patch.dict(tools.FILES, {missing: "some-package"}), pytest.raises(LabError) as raised:
            tools.require_file(missing)
        assert str(raised.value) == f"{missing} is missing: apt-get install some-package"


class TestList:
    def test_the_groups_that_the_demo_in_the_lab_installs_have_every_package(self) -> None:
        """But those that are in every Debian."""
        rows = [line.partition("#")[0].split() for line in Path(__file__).parents[1].joinpath("packages.txt").read_text().splitlines()]
        installed = {row[0] for row in rows if {"lab", "intel", "amd", "demo"} & set(row[1:])}
        assert {*tools.PROGRAMS.values(), *tools.FILES.values()} - {"apt", "dpkg", "libc-bin"} <= installed
