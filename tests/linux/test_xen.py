"""Xen with a PVH guest, looked at from outside in both labs: its first domain is one, and so an L2.

Xen asks for an IOMMU for such a domain; `dom0-iommu=none` lets it do without.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.gdb import GdbSession
from tests.linux import packages
from tests.linux.hypervisors import SVM, VMX, EveryCommand, Processor, attached, in_l2, until

LIMIT = 600  # seconds, for the lab's start and for each stop: in the Intel lab Xen needs a minute to the first
# What stands behind " -- " is the domain's command line.
XEN = "no-real-mode console=com1 com1=115200,8n1 dom0=pvh dom0-iommu=none dom0_mem=320M -- console=hvc0 earlyprintk=xen"
ENTRY_MODE = "32-bit protected mode"  # PVH's


@pytest.fixture(params=[SVM, VMX], ids=["amd", "intel"])
def processor(request: pytest.FixtureRequest) -> Processor:
    return request.param


@pytest.fixture
def gdb(ringside: Path, tmp_path_factory: pytest.TempPathFactory, processor: Processor) -> Iterator[GdbSession]:
    """Attached to Xen before its first instruction."""
    with attached(ringside, tmp_path_factory.mktemp("xen"), processor.host, LIMIT, "-m", "640M", "--gdb-arch", "x86-64", "--append", XEN,
                  "-i", packages.generic_kernel(), packages.xen()) as session:
        yield session


def test_the_first_domain_is_seen_as_a_guest_of_xens(gdb: GdbSession, processor: Processor, tmp_path: Path) -> None:
    assert "L1 has entered its guest (L2)" in until(gdb, "until vm-entry", LIMIT)
    pc = gdb.integer("$pc")
    assert re.search(rf"in its guest \(L2\), {processor.name} 0x\w+, {ENTRY_MODE}", gdb.console("info threads"))
    assert "cld" in gdb.console("x/i $pc")  # Linux's PVH entry
    assert re.search(rf"-> gpa 0x(?!{pc:x},)", gdb.console("monitor translate $pc"))
    EveryCommand(gdb, processor, tmp_path, LIMIT).assert_all_answer()
    gdb.console("monitor catch l2-exit cpuid")
    gdb.run("continue", LIMIT)
    assert "CPUID, of L2, passed on to the guest hypervisor (L1)" in gdb.printed()
    assert not in_l2(gdb)
    gdb.console("monitor exits uncatch")
    assert "L1 has entered its guest (L2)" in until(gdb, "until vm-entry", LIMIT)
    assert in_l2(gdb)
    assert re.search(r"(?m)^CPUID +[1-9]\d* +0 +[1-9]", gdb.console("monitor exits l2"))
