"""virtio devices: what a guest's driver does with them, what the debugger sees of it, what a user gets wrong."""

import array
import fcntl
import os
import re
import selectors
import shutil
import signal
import socket
import termios
from pathlib import Path

import pytest

from tests.harness.case import RingsideTest
from tests.harness.ringside import Ringside
from tests.harness.timeouts import Deadline

VMM_ERROR, BAD_USAGE = 1, 2
EXIT_STATUS = (0x10 << 1) | 1
SECTOR = 512


class VirtioTest(RingsideTest):
    def image(self, name: str = "disk.img", sectors: int = 64) -> Path:
        path = self.folder / name
        path.write_bytes(b"".join(bytes([number % 256]) * SECTOR for number in range(sectors)))
        with path.open("r+b") as file:
            file.seek(SECTOR)
            file.write(bytes(SECTOR))
        return path

    def runs(self, image: Path) -> int:
        """What the guest counts in sector 1."""
        return int.from_bytes(image.read_bytes()[SECTOR:SECTOR + 4], "little")


class TestDevices(VirtioTest):
    def test_without_devices(self):
        vm = self.ringside(self.guest("virtio"), gdb=None)
        assert vm.wait() == EXIT_STATUS
        assert "no entropy device\nno disk\nno console\ndone" in vm.stdout.text().replace("\r", "")

    def test_entropy_and_a_disk(self):
        image = self.image()
        vm = self.ringside(self.guest("virtio"), "--rng", "--disk", image, gdb=None)
        assert vm.wait() == EXIT_STATUS
        assert re.search(r"entropy: 32 bytes, sum \d+", vm.stdout.text())
        assert "disk: 64 sectors" in vm.stdout.text()
        assert self.runs(image) == 1
        assert image.read_bytes()[2 * SECTOR:3 * SECTOR] == b"\x02" * SECTOR

    def test_a_read_only_disk_stays_as_it_is(self):
        image = self.image()
        image.chmod(0o444)
        vm = self.ringside(self.guest("virtio"), "--disk", f"{image},ro", gdb=None)
        assert vm.wait() == EXIT_STATUS
        assert "disk: not writable" in vm.stdout.text()
        assert self.runs(image) == 0

    def test_several_disks(self):
        first, second = self.image("first.img", 8), self.image("second.img", 16)
        vm = self.ringside(self.guest("virtio"), "--disk", first, "--disk", second, gdb=None)
        assert vm.wait() == EXIT_STATUS
        assert "disk: 8 sectors" in vm.stdout.text()
        assert (self.runs(first), self.runs(second)) == (1, 0)

    def test_what_was_flushed_outlives_the_monitor(self):
        image = self.image()
        for run in (1, 2, 3):
            vm = self.ringside(self.guest("virtio"), "--disk", image, "--append=end=spin", gdb=None)
            vm.serial("disk: flushed")
            vm.signal(signal.SIGKILL)
            vm.wait()
            assert self.runs(image) == run


class TestConsole(VirtioTest):
    @pytest.fixture(autouse=True)
    def prepare(self, clean_up) -> None:
        path = self.folder / "console"
        self.listener = self.ends.enter_context(socket.socket(socket.AF_UNIX))
        self.listener.bind(str(path))
        self.listener.listen()
        self.option = f"--virtio-console=unix:{path}"

    def connection(self) -> socket.socket:
        connection, _ = self.listener.accept()
        return self.ends.enter_context(connection)

    def test_input_reaches_the_guest(self):
        vm = self.ringside(self.guest("virtio"), self.option, gdb=None)
        vm.serial("console: waiting")
        self.connection().sendall(b"hello")
        vm.serial("console: hello")
        assert vm.wait() == EXIT_STATUS

    def taken(self, connection: socket.socket) -> bool:
        """Returns True if the monitor has read everything that was sent."""
        waiting = array.array("i", [0])
        fcntl.ioctl(connection, termios.TIOCOUTQ, waiting)
        return waiting[0] == 0

    def test_a_held_guest_sees_no_input_until_it_runs(self):
        vm, gdb = self.attached("virtio", self.option)
        gdb.start("continue")
        vm.serial("console: waiting")
        # The driver may not have asked for input yet when it says so: it has when it waits.
        gdb.interrupt()
        gdb.console("tbreak virtio::Driver::wait_until_used")
        if "wait_until_used" not in gdb.console("bt"):
            gdb.run("continue")
        connection = self.connection()
        connection.sendall(b"hello")
        deadline = Deadline(30)
        while not self.taken(connection):
            assert not deadline.over(), "the monitor does not read the console"
        for _ in range(200):  # each a round trip
            assert gdb.integer("console.used_.index") == 0
        assert gdb.integer("typed[0]") == 0
        gdb.console("delete")
        gdb.console("break guest::debug_exit")
        gdb.run("continue")
        assert gdb.integer("console.used_.index") == 1
        assert "hello" in gdb.evaluate("typed")


class TestNetwork(VirtioTest):
    def test_passt_is_started_and_ends_with_the_monitor(self):
        if shutil.which("passt") is None:
            pytest.skip("passt is not installed")
        vm, gdb = self.attached("virtio", "--net", "passt")
        started = [int(pid) for pid in Path(f"/proc/{vm.pid}/task/{vm.pid}/children").read_text().split()]
        assert len(started) == 1
        watched = os.pidfd_open(started[0])
        self.ends.callback(os.close, watched)
        gdb.console("kill")
        vm.wait()
        ended = selectors.DefaultSelector()
        ended.register(watched, selectors.EVENT_READ)
        assert ended.select(Deadline(30).left()), "passt lives on"

    def test_passt_that_listens_is_talked_to(self):
        path = self.folder / "passt"
        listener = self.ends.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen()
        vm = self.ringside(self.guest("virtio"), f"--net=passt:{path}", gdb=None)
        connection, _ = listener.accept()
        with connection:
            assert vm.wait() == EXIT_STATUS
            assert connection.recv(1) == b"", "a guest without a driver sends nothing"


class TestUnderTheDebugger(VirtioTest):
    def test_a_request_is_seen_on_its_way(self):
        image = self.image()
        _, gdb = self.attached("virtio", "--disk", image)
        gdb.console("break virtio::Driver::notify if this == &disk")
        gdb.run("continue")
        assert gdb.integer("descriptors_[1].length") == SECTOR
        # A device that has just been set up may look into its queue before it is told to; then it is quicker.
        completed = gdb.integer("used_.index")
        assert completed in (0, 1)
        gdb.console("maint flush dcache")
        assert gdb.integer("used_.index") == completed, "nothing moves while the guest is stopped"
        gdb.console("delete")
        gdb.console("break guest::debug_exit")
        gdb.run("continue")
        assert gdb.integer("disk.used_.index") == 5
        assert self.runs(image) == 1

    def test_accesses_are_counted_by_device(self):
        _, gdb = self.attached("virtio", "--rng", "--disk", self.image())
        gdb.console("break guest::debug_exit")
        gdb.run("continue")
        table = gdb.console("monitor exits mmio")
        assert "virtio rng" in table
        assert "virtio block" in table


class TestUsage(VirtioTest):
    def refused(self, options: list, pattern: str, status: int = VMM_ERROR) -> None:
        vm = self.keep(Ringside("run", *options, self.guest("virtio")))
        assert vm.wait() == status
        said = vm.stderr.text().strip()
        assert re.search(f"(?i){pattern}", said)
        if status == VMM_ERROR:
            assert len(said.splitlines()) == 1, said

    @pytest.mark.parametrize("name, pattern", (("absent", "no such file"), ("", "directory"), ("empty", "empty"), ("odd", "sectors"),
                                               ("fifo", "neither a file nor a block device")))
    def test_disks_that_are_none(self, name, pattern):
        (self.folder / "empty").touch()
        (self.folder / "odd").write_bytes(bytes(513))
        os.mkfifo(self.folder / "fifo")
        self.refused(["--disk", self.folder / name], pattern)

    def test_one_image_has_one_writer(self):
        image = self.image()
        first = self.ringside(self.guest("virtio"), "--disk", image, "--append=end=spin", gdb=None)
        first.serial("disk: flushed")
        self.refused(["--disk", image], "another program.*uses the image")
        self.refused(["--disk", f"{image},ro"], "another program writes to the image")
        assert first.running()

    def test_too_many_devices(self):
        image = self.image()
        self.refused(["--rng", *(f"--disk={image},ro" for _ in range(8))], "room for 8 virtio devices.*9", BAD_USAGE)

    @pytest.mark.parametrize("option", ("--disk=", "--disk=a.img,rw", "--net=user", "--net=tap:", "--net=tap:t,mac=1",
                                        "--vsock=3", "--vsock=2,/tmp/x", "--virtio-console=screen"))
    def test_words_that_mean_nothing(self, option):
        self.refused([option], ".", BAD_USAGE)

    def test_networks_that_are_not_there(self):
        self.refused(["--net", f"passt:{self.folder}/absent"], "no such file.*listen")
        self.refused(["--net", "tap:a-name-that-is-too-long"], "too long")

    def test_a_socket_in_use(self):
        path = self.folder / "vsock"
        path.touch()
        self.refused(["--vsock", f"3,{path}"], "in use")

    def test_one_terminal_for_two_consoles(self):
        self.refused(["--virtio-console=stdio", "--serial=stdio"], "in use already")
