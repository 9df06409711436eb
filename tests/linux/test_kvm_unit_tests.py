"""kvm-unit-tests' `vmx` and `svm` images, hypervisors of other people, looked at from outside in the lab.

Debian has no package of them. RINGSIDE_KVM_UNIT_TESTS names the folder with vmx.flat, vmx.elf, svm.flat and svm.elf (`x86/` of
a build of them); without it these tests are skipped.
"""

import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.gdb import GdbSession
from tests.linux import hypervisors
from tests.linux.hypervisors import EveryCommand, attached, in_l2, until

VARIABLE = "RINGSIDE_KVM_UNIT_TESTS"
LIMIT = 300  # seconds, for the lab's start and for each stop
ENTRIES, STEPS, FAILURES = 2, 3, 8


@dataclasses.dataclass(frozen=True)
class Image:
    processor: hypervisors.Processor
    name: str
    test: str  # of the image's own
    busy: str  # another one, which enters its guest many times


VMX = Image(hypervisors.VMX, "vmx", "vmenter", "I/O_bitmap")
SVM = Image(hypervisors.SVM, "svm", "vmrun null", "ioio")


def file(name: str) -> Path:
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} does not name a folder with kvm-unit-tests' images")
    return Path(folder) / name


@pytest.fixture
def gdb(ringside: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[GdbSession]:
    """Attached to an image before its first instruction; the parameter is the image, and which of its tests it runs."""
    image, test = request.param
    kernel, symbols = file(f"{image.name}.flat"), file(f"{image.name}.elf")
    with attached(ringside, tmp_path_factory.mktemp("kut"), image.processor.host, LIMIT, "-m", "256M", "--append", f"{kernel.name} {test}", kernel,
                  symbols=symbols) as session:
        yield session


@pytest.mark.parametrize(("gdb", "image"), [((image, image.test), image) for image in (VMX, SVM)], ids=["vmx", "svm"],
                         indirect=["gdb"])
def test_each_entry_and_each_step_in_the_guests_guest(gdb: GdbSession, image: Image) -> None:
    for _ in range(ENTRIES):
        assert "L1 has entered its guest (L2)" in until(gdb, "until vm-entry", LIMIT)
        for _ in range(STEPS):
            before = gdb.integer("$pc")
            gdb.run("stepi", LIMIT)
            assert gdb.integer("$pc") != before
            if not in_l2(gdb):
                break
        else:
            assert "L2 has left to L1" in until(gdb, "until vm-exit", LIMIT)
    shown = gdb.console("monitor exits l2")
    assert re.search(r"(?m)^(VMCALL|HYPERCALL) +\d+ +0 +[1-9]", shown), shown
    if image == VMX:
        assert "broken rules: none" in gdb.console("monitor vmcs check")
    assert re.search("0x", gdb.console(f"monitor {image.processor.control} list"))


@pytest.mark.parametrize(("gdb", "image"), [((image, image.busy), image) for image in (VMX, SVM)], ids=["vmx", "svm"],
                         indirect=["gdb"])
def test_every_command(gdb: GdbSession, image: Image, tmp_path: Path) -> None:
    assert "L1 has entered its guest (L2)" in until(gdb, "until vm-entry", LIMIT)
    EveryCommand(gdb, image.processor, tmp_path, LIMIT).assert_all_answer()


@pytest.mark.parametrize("gdb", [(VMX, "vmx_host_state_area_test")], ids=["vmx"], indirect=True)
def test_a_vm_entry_that_fails_names_its_rule(gdb: GdbSession) -> None:
    gdb.console("monitor catch vm-entry-failure")
    for _ in range(FAILURES):  # the first ones are VM exits with reason 33
        gdb.run("continue", LIMIT)
        if "VM-instruction error 8" in gdb.printed():
            break
    assert re.search(r"VM-instruction error 8 .*HOST_CR0 = 0x\w+ .*\(SDM volume 3, ", gdb.printed())
    assert re.search("HOST_CR0", gdb.console("monitor vmcs check"))
