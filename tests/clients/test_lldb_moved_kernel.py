"""LLDB on Debian's kernel where KASLR has moved it. No version moves the symbols; its user does so with one command."""

import subprocess

import pytest

from tests.clients.lldb import Lldb
from tests.clients.lldb_versions import VERSIONS, LldbVersion
from tests.harness.case import RingsideTest
from tests.linux import symbols

SLIDE = 0x3000000


@pytest.mark.parametrize("version", VERSIONS)
class TestMovedKernel(RingsideTest):
    def test_symbols_follow_with_the_users_help(self, version):
        try:
            bzimage = next(symbols.kernel.prepare().tree.glob("boot/vmlinuz-*"))
            vmlinux = symbols.prepare()
        except (symbols.kernel.LabError, subprocess.CalledProcessError) as error:
            pytest.skip(str(error))
        vm = self.ringside(bzimage, "--serial", "none", "--kaslr-slide", f"{SLIDE:#x}", memory="256M")
        client = self.keep(Lldb(LldbVersion(version), vmlinux))
        client.connect(vm.port())
        loaded = "target.FindSymbols('_text')[0].symbol.addr.GetLoadAddress(target)"
        assert int(client.python(loaded)) == symbols.LINKED, "it has learnt to move them: say so in README.md"
        client.command(f"target modules load --file {vmlinux} --slide {SLIDE:#x}")
        assert int(client.python(loaded)) == symbols.LINKED + SLIDE
        client.command("breakpoint set --hardware --name start_kernel")
        assert "stop reason = breakpoint 1.1" in client.command("continue", seconds=120)
        assert "start_kernel" in client.python("thread.frames[0].GetFunctionName()")
