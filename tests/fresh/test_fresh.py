"""A minimal Debian 12 without KVM: the README's commands do what the README says.

Its tests are the steps of one story, in this order. A step that fails does not keep the next from being tried.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fresh import debian, readme
from tests.fresh.machine import PROJECT, Machine, Transcript, fresh
from tests.harness.kvm import unusable
from tests.lanes.lane import LOGS

USER = "user"
DEMO, TESTS = readme.commands("Try it")
BUILD_PACKAGE, INSTALL_PACKAGE = readme.commands("Install")
PROMPT = "(gdb) "


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    if reason := debian.why_not():
        pytest.skip(reason)
    with fresh("machine") as made:
        made.clone("root")
        made.add_user(USER)
        made.clone(USER)
        yield made
        for user in ("root", USER):
            made.logs_to(user, LOGS / f"fresh-{user}")


@pytest.fixture(scope="module")
def bare() -> Iterator[Machine]:
    """A second one, which never sees the source tree."""
    with fresh("bare") as made:
        made.add_user(USER)
        yield made


def worked(transcript: Transcript) -> None:
    assert transcript.status == 0, transcript.text()[-3000:]
    assert transcript.complaints() == []


def show_phases(transcript: Transcript) -> None:
    """Where the demo's time went."""
    begin, prompt = transcript.when("ringside: no usable KVM"), transcript.when(PROMPT)
    assert begin is not None, "it did not run in the lab"
    assert prompt is not None, "there was no gdb prompt"
    stages = [line for _, line in transcript.lines if line.startswith(("packages: ", "build: "))]
    print(f"-- phases: {', '.join(stages)}, lab: {prompt - begin:.0f} s; gdb's prompt after {prompt:.0f} s, end after {transcript.seconds:.0f} s",
          flush=True)


@pytest.mark.parametrize("user", ("root", pytest.param(USER, marks=pytest.mark.whole)))
class TestTwoCommands:
    """Root installs what is missing, so that a user without root finds it."""

    def test_demo(self, machine: Machine, user: str) -> None:
        transcript = machine.in_project(user, f"{DEMO} && test ! -e /dev/kvm")  # looking for it does not create it
        worked(transcript)
        show_phases(transcript)

    @pytest.mark.short
    def test_quick_tests(self, machine: Machine, user: str) -> None:
        worked(machine.in_project(user, f"{TESTS} --quick"))

    @pytest.mark.whole
    def test_all_tests(self, machine: Machine, user: str) -> None:
        worked(machine.in_project(user, TESTS))


class TestClients:
    """Debuggers, editors and debug adapters come from Debian's packages and from npm's. They debug guests on this host's KVM."""

    @pytest.mark.whole
    def test_clients(self, machine: Machine) -> None:
        if reason := unusable():
            pytest.skip(f"no usable /dev/kvm: {reason}")
        worked(machine.in_project("root", f"{TESTS} --lane clients", devices="kvm"))


@pytest.mark.whole
class TestPackage:
    def test_it_is_made(self, machine: Machine) -> None:
        worked(machine.in_project("root", BUILD_PACKAGE))

    def test_it_installs_and_shows_the_demo(self, machine: Machine, bare: Machine) -> None:
        place = bare.home("root") / INSTALL_PACKAGE.split()[-1].rpartition("/")[0]
        shutil.copytree(machine.home("root") / PROJECT / "build" / "package", place, ignore=lambda _, names: [
            name for name in names if not name.endswith(".deb")])
        bare.must("root", "apt-get -q update")
        bare.must("root", f"yes | {INSTALL_PACKAGE}")  # it asks before it installs what the package depends on
        worked(bare.run(USER, "ringside-demo"))

    def test_it_goes_without_a_trace(self, bare: Machine) -> None:
        shutil.copy(debian.ROOT / "tests" / "package" / "try", bare.home("root"))
        bare.must("root", "./try build/package/*.deb")


def test_nothing_of_it_runs_on(machine: Machine) -> None:
    """Each command was process 1 of its own namespace."""
    roots = []
    for process in Path("/proc").glob("[0-9]*/root"):
        try:
            roots.append(process.readlink())
        except OSError:
            continue  # it has ended meanwhile
    assert [root for root in roots if root.is_relative_to(machine.tree)] == []
