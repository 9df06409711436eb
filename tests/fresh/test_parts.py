"""The lane's own parts: which commands it finds in the README, and which output is an error."""

import pytest

from tests.fresh import complaints, readme


def test_the_two_commands_are_those_of_the_readme() -> None:
    assert readme.commands("Try it") == ["./guests/demo", "./tests/run"]


def test_comments_are_left_out_and_other_sections_too() -> None:
    text = "## One\n\n    first a#b    # why\n    second\n\n## Two\n\n    third\n"
    assert readme.commands("One", text) == ["first a#b", "second"]
    assert readme.commands("Two", text) == ["third"]


@pytest.mark.parametrize("section", ("None", "Empty"))
def test_a_section_that_names_no_command_is_an_error(section: str) -> None:
    with pytest.raises(ValueError, match=section):
        readme.commands(section, "## Empty\n\nNothing.\n")


@pytest.mark.parametrize("line", (
    "lab: /usr/share/x is missing: apt-get install gdb", "bash: git: command not found", "CMake Warning at CMakeLists.txt:1",
    "3 passed, 1 failed, 0 skipped", "3 passed, 10 failed, 0 skipped", "Traceback (most recent call last):", "gdb: error: x",
    "sh: 1: cannot create x", "x: No such file or directory",
    "ringside: no usable KVM (open /dev/kvm: Permission denied): the machine runs in the Intel lab"))
def test_a_complaint(line: str) -> None:
    assert complaints.found(["fine", line]) == [line]


@pytest.mark.parametrize("line", (
    "3 passed, 0 failed, 0 skipped", "[3/20] Building CXX object x/warning.cpp.o", "INTERNAL_ERROR  12  0.8", "packages: 40 s",
    "ringside: no usable KVM (open /dev/kvm: No such file or directory): the machine runs in the Intel lab, which emulates it (--host intel)"))
def test_no_complaint(line: str) -> None:
    assert complaints.found([line]) == []
