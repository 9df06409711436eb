"""The list of packages, the script that installs from it, and what names packages elsewhere, agree."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lanes.lanes import LANES
from tests.lint import sources

TESTS = Path(__file__).resolve().parents[1]
LIST = TESTS / "packages.txt"
INSTALL = TESTS / "install-packages"
# Messages that name packages: "apt-get install PACKAGE..." in code, and CMake's ringside_*(TARGET WHAT PACKAGE).
NAMED = (re.compile(r"apt-get install ([a-z0-9][a-z0-9.+-]*)"),
         re.compile(r"^ *ringside_(?:pkg|header_library)\(\S+ \S+ (\S+)\)", re.MULTILINE))


def listed() -> dict[str, list[str]]:
    """The groups of each package."""
    rows = [line.partition("#")[0].split() for line in LIST.read_text(encoding="utf-8").splitlines()]
    return {row[0]: row[1:] for row in rows if row}


def explained() -> set[str]:
    """The groups that the head of the list explains."""
    return set(re.findall(r"^#   ([a-z]+) ", LIST.read_text(encoding="utf-8"), re.MULTILINE))


class TestList:
    def test_each_package_is_listed_once_and_has_groups(self) -> None:
        names = re.findall(r"^([a-z0-9][^\s#]*)", LIST.read_text(encoding="utf-8"), re.MULTILINE)
        assert len(names) == len(set(names))
        assert [name for name, groups in listed().items() if not groups] == []

    def test_groups_are_those_that_are_explained(self) -> None:
        assert {group for groups in listed().values() for group in groups} == explained()

    def test_lanes_name_groups_that_exist(self) -> None:
        for lane in LANES:
            assert set(lane.groups) <= explained(), lane.name

    def test_packages_named_in_messages_are_listed(self) -> None:
        for path in sources.ours():
            if path.endswith((".cpp", ".h", ".py", ".cmake")) and not path.startswith(("tests/lab/test_", "tests/lanes/test_")):
                for pattern in NAMED:
                    assert set(pattern.findall(sources.read(path))) <= set(listed()), path


class TestInstall:
    """On a machine made of a few programs, where nothing is installed."""

    @pytest.fixture(autouse=True)
    def in_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        for name in ("awk", "bash", "comm", "dirname", "sort"):
            (self.folder / name).symlink_to(str(shutil.which(name)))
        self.program("dpkg-query", "exit 1")

    def program(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def install(self, *groups: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["/bin/bash", INSTALL, *groups], env={**os.environ, "PATH": str(self.folder)}, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, check=False)

    def packages_of(self, group: str) -> str:
        return " ".join(sorted(name for name, groups in listed().items() if group in groups))

    def test_a_user_without_root_is_given_the_command_in_one_line(self) -> None:
        self.program("id", "echo 1000")
        for sudo in (False, True):
            if sudo:
                self.program("sudo", "exit 1")
            done = self.install("intel")
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr == (f"{INSTALL}: 4 packages are missing, and only root can install them. As root: "
                                   f"apt-get install --no-install-recommends {self.packages_of('intel')}\n")

    def test_nothing_is_done_where_nothing_is_missing(self) -> None:
        self.program("dpkg-query", "\n".join(f"echo 'installed, {name}, '" for name in listed()))
        done = self.install("build", "demo")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_what_an_installed_package_provides_is_not_missing(self) -> None:
        self.program("dpkg-query", "\n".join(f"echo 'installed, {name}, '" for name in listed() if name not in ("npm", "nodejs"))
                     + "\necho 'installed, nodejs, nodejs-dev (= 1), npm (= 2)'")
        assert self.install("clients").returncode == 0

    def test_an_unknown_group_is_an_error(self) -> None:
        done = self.install("build", "nonsense")
        assert (done.returncode, done.stderr) == (2, "no group nonsense in tests/packages.txt\n")
