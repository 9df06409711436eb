"""The copy of the sources in which faults are planted."""

import os
import subprocess

import pytest

from tests.mutation.sources import renew


@pytest.fixture(name="trees")
def _trees(tmp_path):
    tree, copy = tmp_path / "tree", tmp_path / "copy"
    (tree / "vmm").mkdir(parents=True)
    (tree / ".gitignore").write_text("build/\n")
    (tree / "vmm" / "same.cpp").write_text("same\n")
    (tree / "vmm" / "old.cpp").write_text("old\n")
    subprocess.run(["git", "init", "--quiet", tree], check=True)
    subprocess.run(["git", "-C", tree, "add", "."], check=True)
    renew(tree, copy, {})
    return tree, copy


def test_unchanged_files_are_not_written(trees):
    tree, copy = trees
    os.utime(copy / "vmm" / "same.cpp", (1, 1))
    os.utime(copy / "vmm" / "old.cpp", (1, 1))
    (tree / "vmm" / "old.cpp").write_text("new\n")
    renew(tree, copy, {})
    assert (copy / "vmm" / "old.cpp").read_text() == "new\n"
    assert (copy / "vmm" / "old.cpp").stat().st_mtime > 1
    assert (copy / "vmm" / "same.cpp").stat().st_mtime == 1


def test_a_changed_file_is_written_once(trees):
    tree, copy = trees
    planted = {"vmm/old.cpp": "planted\n", "switch.h": "on\n"}
    renew(tree, copy, planted)
    for name, text in planted.items():
        assert (copy / name).read_text() == text
        os.utime(copy / name, (1, 1))
    renew(tree, copy, planted)
    assert [(copy / name).stat().st_mtime for name in planted] == [1, 1]
    renew(tree, copy, {})
    assert (copy / "vmm" / "old.cpp").read_text() == "old\n"
    assert not (copy / "switch.h").exists()


def test_a_fault_that_was_left_is_put_right(trees):
    tree, copy = trees
    (copy / "vmm" / "same.cpp").write_text("wrong\n")
    renew(tree, copy, {})
    assert (copy / "vmm" / "same.cpp").read_text() == "same\n"


def test_files_come_and_go(trees):
    tree, copy = trees
    (copy / "build").mkdir()
    (copy / "build" / "object").write_text("built\n")
    (tree / "build").mkdir()
    (tree / "build" / "ignored").write_text("built\n")
    (tree / "vmm" / "old.cpp").unlink()
    (tree / "vmm" / "untracked.cpp").write_text("new\n")
    renew(tree, copy, {})
    assert sorted(str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()) == [
        ".gitignore", "build/object", "vmm/same.cpp", "vmm/untracked.cpp"]
