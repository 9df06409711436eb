"""What goes wrong before a guest runs: one clear line, and a status of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.integration.harness import elf, paths
from tests.integration.harness.case import RingsideCase
from tests.integration.harness.ringside import Ringside

VMM_ERROR, BAD_USAGE = 1, 2
MIB = 1 << 20

# A /dev of its own that has everything but kvm.
WITHOUT_KVM = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", """
    real=$(mktemp -d) && mount --rbind /dev "$real" && mount -t tmpfs none /dev
    for name in null zero full random urandom tty; do touch /dev/$name; mount --bind "$real/$name" /dev/$name; done
    exec "$@"
    """, "without-kvm")


class Errors(RingsideCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="ringside-test-")))

    def file(self, content: bytes) -> Path:
        path = self.folder / "kernel"
        path.write_bytes(content)
        return path

    def refused(self, arguments: list, pattern: str, status: int = VMM_ERROR, prefix: tuple[str, ...] = ()) -> None:
        """`ringside ARGUMENTS` ends with this status and one line that matches."""
        vm = self.keep(Ringside(*arguments, prefix=prefix))
        self.assertEqual(vm.wait(), status)
        said = vm.stderr.text().strip()
        self.assertRegex(said, f"(?i){pattern}")
        if status == VMM_ERROR:
            self.assertEqual(len(said.splitlines()), 1, said)

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

    def test_truncated_elf_files(self):
        whole = self.guest("demo64").read_bytes()
        for size in (5, 20, 63, 64, 100, len(whole) // 20):
            with self.subTest(size=size):
                self.refused(["run", self.file(whole[:size])], "truncated|end of|past|beyond|outside|short")

    def test_segments_outside_ram(self):
        for address in (64 * MIB, 64 * MIB - 1, 3 << 30, (1 << 64) - 4096):
            with self.subTest(address=hex(address)):
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

    def test_memory_sizes(self):
        kernel = self.guest("demo64")
        for size in ("0", "1000000G"):
            with self.subTest(size):
                self.refused(["run", "-m", size, kernel], "memory|-m|size")
        for size in ("many", "-5", "", "99999999999999999999G"):
            with self.subTest(size):
                self.refused(["run", f"--memory={size}", kernel], "memory", BAD_USAGE)

    def test_bad_usage(self):
        kernel = self.guest("demo64")
        for arguments in (["run"], ["run", "--no-such-option", kernel], ["frobnicate"], [],
                          ["run", "--gdb=carrier:pigeon", kernel], ["run", "--gdb=tcp:127.0.0.1:99999", kernel],
                          ["run", "--on-disconnect=panic", kernel]):
            with self.subTest(arguments[:2]):
                self.refused(arguments, ".", BAD_USAGE)

    def test_an_empty_value_does_not_swallow_the_kernel(self):
        vm = self.keep(Ringside("run", "-m", "64M", "--append=", "--serial=none", self.guest("hello16.bin")))
        self.assertEqual(vm.wait(), 33)

    def test_processor_counts(self):
        for count in ("0", "100000"):
            with self.subTest(count):
                self.refused(["run", f"--cpus={count}", self.guest("demo64")], "cpu", BAD_USAGE)

    def test_help_is_no_error(self):
        for arguments in (["--help"], ["run", "--help"], ["gdb", "--help"], ["doctor", "--help"]):
            with self.subTest(arguments):
                vm = self.keep(Ringside(*arguments))
                self.assertEqual(vm.wait(), 0)
                self.assertIn("--", vm.stdout.text())

    def test_an_initrd_that_is_not_there(self):
        self.refused(["run", "--initrd", self.folder / "absent", self.guest("demo64")], "no such file")

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            self.refused(["run", f"--gdb=tcp:127.0.0.1:{port}", self.guest("demo64")], f"{port}.*in use|in use.*{port}")

    def test_a_unix_socket_that_cannot_be_made(self):
        self.refused(["run", f"--gdb=unix:{self.folder}/absent/socket", self.guest("demo64")], "no such file")

    # ---- The host

    def test_no_kvm(self):
        if subprocess.run([*WITHOUT_KVM, "true"], check=False, capture_output=True).returncode != 0:
            self.skipTest("no user namespaces here")
        self.refused(["run", self.guest("demo64")], "/dev/kvm.*no such file", prefix=WITHOUT_KVM)

    def test_no_permission_on_kvm(self):
        if os.stat("/dev/kvm").st_mode & 0o006:
            self.skipTest("everyone may open /dev/kvm here")
        if os.geteuid() != 0:
            self.refused(["run", self.guest("demo64")], "/dev/kvm.*permission denied")
            return
        self.folder.chmod(0o755)  # nobody may not see into the project's folder
        program, kernel = (shutil.copy(path, self.folder) for path in (paths.RINGSIDE, self.guest("demo64")))
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c",
                  f'shift; exec {program} "$@"', "nobody")
        self.refused(["run", kernel], "/dev/kvm.*permission denied", prefix=nobody)
