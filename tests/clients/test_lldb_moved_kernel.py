"""LLDB on Debian's kernel where KASLR has moved it: it moves the symbols as it attaches."""

import subprocess
from pathlib import Path

import pytest

from tests.clients.lldb import Lldb
from tests.clients.lldb_versions import VERSIONS, LldbVersion
from tests.harness.case import RingsideTest
from tests.linux import symbols

SLIDE = 0x3000000
LOADED = "target.FindSymbols('_text')[0].symbol.addr.GetLoadAddress(target)"


@pytest.mark.parametrize("version", VERSIONS)
class TestMovedKernel(RingsideTest):
    @pytest.fixture(autouse=True)
    def prepare(self, version, clean_up) -> None:
        try:
            self.bzimage: Path = next(symbols.kernel.prepare().tree.glob("boot/vmlinuz-*"))
            self.vmlinux = symbols.prepare()
        except (symbols.kernel.LabError, subprocess.CalledProcessError) as error:
            pytest.skip(str(error))
        self.version = LldbVersion(version)

    def attached_to(self, *options: object) -> Lldb:
        vm = self.ringside(self.bzimage, "--serial", "none", *options, memory="256M")
        client = self.keep(Lldb(self.version, self.vmlinux))
        client.connect(vm.port())
        return client

    def reach_start_kernel(self, client: Lldb) -> None:
        assert "stop reason = breakpoint 1.1" in client.command("continue", seconds=120)
        assert "start_kernel" in client.python("thread.frames[0].GetFunctionName()")

    def test_symbols_are_where_the_kernel_is(self, version):
        client = self.attached_to("--kaslr-slide", f"{SLIDE:#x}")
        assert int(client.python(LOADED)) == symbols.LINKED + SLIDE
        client.command("breakpoint set --name start_kernel")
        self.reach_start_kernel(client)

    def test_wherever_chance_has_put_it(self, version):
        client = self.attached_to()
        assert int(client.python(LOADED)) >= symbols.LINKED
        client.command("breakpoint set --hardware --name start_kernel")
        self.reach_start_kernel(client)

    def test_and_where_it_was_linked_with_nokaslr(self, version):
        client = self.attached_to("--append", "nokaslr")
        assert int(client.python(LOADED)) == symbols.LINKED

    def test_breakpoints_that_were_set_before_attaching_move_too(self, version):
        vm = self.ringside(self.bzimage, "--serial", "none", "--kaslr-slide", f"{SLIDE:#x}", memory="256M")
        client = self.keep(Lldb(self.version, self.vmlinux))
        client.command("breakpoint set --name start_kernel")
        client.connect(vm.port())
        self.reach_start_kernel(client)
