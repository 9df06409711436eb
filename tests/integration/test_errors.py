"""Errors before a guest runs: one clear line, and a distinct status."""

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.harness import elf, paths
from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside

VMM_ERROR, BAD_USAGE = 1, 2
MIB = 1 << 20

# Its own /dev, which has everything except kvm.
WITHOUT_KVM = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", """
    real=$(mktemp -d) && mount --rbind /dev "$real" && mount -t tmpfs none /dev
    for name in null zero full random urandom tty; do touch /dev/$name; mount --bind "$real/$name" /dev/$name; done
    exec "$@"
    """, "without-kvm")


class TestErrors(RingsideTest):
    def file(self, content: bytes) -> Path:
        path = self.folder / "kernel"
        path.write_bytes(content)
        return path

    def refused(self, arguments: list, pattern: str, status: int = VMM_ERROR, prefix: tuple[str, ...] = ()) -> None:
        """`ringside ARGUMENTS` ends with this status and one line that matches."""
        vm = self.keep(Ringside(*arguments, prefix=prefix))
        assert vm.wait() == status
        said = vm.stderr.text().strip()
        assert re.search(f"(?i){pattern}", said)
        if status == VMM_ERROR:
            assert len(said.splitlines()) == 1, said

    # ---- Kernel files

    def test_no_such_file(self):
        self.refused(["run", self.folder / "absent"], "no such file")

    def test_a_directory(self):
        self.refused(["run", self.folder], "directory")

    def test_an_empty_file(self):
        self.refused(["run", self.file(b"")], "empty")

    def test_a_file_that_may_not_be_read(self):
        path = self.file(b"x")
        path.chmod(0)
        # root may read everything, but for these two capabilities.
        as_a_user = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
        self.refused(["run", path], f"{path}.*permission denied", prefix=as_a_user)

    @pytest.mark.parametrize("size", (5, 20, 63, 64, 100, 4000))
    def test_truncated_elf_files(self, size):
        whole = self.guest("demo64").read_bytes()
        assert size < len(whole) // 2
        self.refused(["run", self.file(whole[:size])], "truncated|end of|past|beyond|outside|short")

    @pytest.mark.parametrize("address", (64 * MIB, 64 * MIB - 1, 3 << 30, (1 << 64) - 4096), ids=hex)
    def test_segments_outside_ram(self, address):
        kernel = elf.kernel([elf.Segment(MIB), elf.Segment(address, bytes(4096))], MIB)
        self.refused(["run", "-m", "64M", self.file(kernel)], "RAM|wraps")

    def test_a_segment_that_ends_before_it_starts(self):
        kernel = elf.kernel([elf.Segment(MIB, b"\xf4", memory_size=(1 << 64) - 1)], MIB)
        self.refused(["run", self.file(kernel)], "RAM|memory|wrap|overflow|size")

    def test_a_segment_that_is_not_in_the_file(self):
        kernel = elf.kernel([elf.Segment(MIB, b"\xf4", offset=(1 << 64) - 1, file_size=4096)], MIB)
        self.refused(["run", self.file(kernel)], "truncated|end of|past|beyond|outside|short")

    def test_overlapping_segments(self):
        kernel = elf.kernel([elf.Segment(MIB, bytes(8192)), elf.Segment(MIB + 4096, bytes(8192))], MIB)
        self.refused(["run", self.file(kernel)], "overlap")

    def test_an_entry_outside_ram(self):
        kernel = elf.kernel([elf.Segment(MIB, b"\xf4")], 0xf0000000)
        self.refused(["run", self.file(kernel)], "entry")

    # ---- Options

    @pytest.mark.parametrize("size", ("0", "1000000G"))
    def test_memory_sizes(self, size):
        self.refused(["run", "-m", size, self.guest("demo64")], "memory|-m|size")

    @pytest.mark.parametrize("size", ("many", "-5", "", "99999999999999999999G"))
    def test_memory_sizes_that_are_none(self, size):
        self.refused(["run", f"--memory={size}", self.guest("demo64")], "memory", BAD_USAGE)

    @pytest.mark.parametrize("words", ("", "run", "frobnicate", "run --no-such-option KERNEL", "run --gdb=carrier:pigeon KERNEL",
                                       "run --gdb=tcp:127.0.0.1:99999 KERNEL", "run --on-disconnect=panic KERNEL"))
    def test_bad_usage(self, words):
        self.refused([self.guest("demo64") if word == "KERNEL" else word for word in words.split()], ".", BAD_USAGE)

    def test_an_empty_value_does_not_swallow_the_kernel(self):
        vm = self.keep(Ringside("run", "-m", "64M", "--append=", "--serial=none", self.guest("hello16.bin")))
        assert vm.wait() == 33

    @pytest.mark.parametrize("count", ("0", "100000"))
    def test_processor_counts(self, count):
        self.refused(["run", f"--cpus={count}", self.guest("demo64")], "cpu", BAD_USAGE)

    @pytest.mark.parametrize("command", ((), ("run",), ("gdb",), ("doctor",)), ids=" ".join)
    def test_help_is_no_error(self, command):
        program = self.keep(Ringside(*command, "--help"))
        assert program.wait() == 0
        assert "--" in program.stdout.text()

    def test_an_initrd_that_is_not_there(self):
        self.refused(["run", "--initrd", self.folder / "absent", self.guest("demo64")], "no such file")

    @pytest.mark.parametrize("text", ("", " words"), ids=("empty", "words-alone"))
    def test_an_initrd_without_a_name(self, text):
        self.refused(["run", f"--initrd={text}", self.guest("demo64")], "--initrd: it names no file", BAD_USAGE)

    def test_what_only_a_multiboot_kernel_takes(self):
        one = self.folder / "one"
        one.write_text("1")
        self.refused(["run", "-i", one, "-i", one, self.guest("demo64")], "2 initrds are given, and only a multiboot kernel")
        self.refused(["run", "-i", f"{one} a=b", self.guest("demo64")], "only a multiboot kernel takes words")

    def test_a_second_module_that_is_not_there(self):
        one = self.folder / "one"
        one.write_text("1")
        self.refused(["run", "-i", one, "-i", self.folder / "absent", self.guest("protected32")], "absent: no such file")

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            self.refused(["run", f"--gdb=tcp:127.0.0.1:{port}", self.guest("demo64")], f"{port}.*in use|in use.*{port}")

    def test_a_unix_socket_that_cannot_be_made(self):
        self.refused(["run", f"--gdb=unix:{self.folder}/absent/socket", self.guest("demo64")], "no such file")

    # ---- The host

    def test_no_kvm(self):
        if subprocess.run([*WITHOUT_KVM, "true"], check=False, capture_output=True).returncode != 0:
            pytest.skip("no user namespaces here")
        self.refused(["run", "--host=kvm", self.guest("demo64")], "/dev/kvm.*no such file", prefix=WITHOUT_KVM)

    def test_no_permission_on_kvm(self):
        if os.stat("/dev/kvm").st_mode & 0o006:
            pytest.skip("everyone may open /dev/kvm here")
        if os.geteuid() != 0:
            self.refused(["run", "--host=kvm", self.guest("demo64")], "/dev/kvm.*permission denied")
            return
        self.folder.chmod(0o755)  # the user nobody may not read the project's folder
        program, kernel = (shutil.copy(path, self.folder) for path in (paths.RINGSIDE, self.guest("demo64")))
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c",
                  f'shift; exec {program} "$@"', "nobody")
        self.refused(["run", "--host=kvm", kernel], "/dev/kvm.*permission denied", prefix=nobody)
