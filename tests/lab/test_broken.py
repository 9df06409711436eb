"""What a user sees where something is missing, full, or dies: the message, the exit status, and that nothing is left behind."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ringlab import cache

from tests.harness import processes

ROOT = Path(__file__).parents[2]
RINGSIDE = ROOT / "build" / "release" / "ringside"
KERNEL = ROOT / "build" / "release" / "guests" / "demo64"
LAB_FAILED = 125
NAMESPACES = ["unshare"] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
WITHOUT_NETWORK = [*NAMESPACES, "--net"]

pytestmark = pytest.mark.boots
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make devices")


class Place:
    """Its own temporary files and cache, and a mark on every process that is started with them."""

    def __init__(self, folder: Path):
        self.temporary, self.cache = folder / "tmp", folder / "cache"
        self.temporary.mkdir()
        self.cache.mkdir()
        self._mark = processes.Mark("RINGSIDE_TEST_MARK")

    def options(self, shared_cache: bool) -> dict:
        own = {} if shared_cache else {"XDG_CACHE_HOME": str(self.cache)}
        return {"cwd": ROOT, "env": {**os.environ, "TMPDIR": str(self.temporary), **self._mark.environment, **own},
                "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True}

    def run(self, *command: object, shared_cache: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(list(map(str, command)), stderr=subprocess.PIPE, check=False, **self.options(shared_cache))

    def on_small_disk(self, folder: Path, size: str, *command: object, shared_cache: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command with a file system of a few bytes in place of a folder, with the folder's links. The end of standard error names
        what the command leaves in our temporary folder, which may be the same one."""
        script = f"""
            links=$(tar --create --directory "$1" . | base64 --wrap=0)
            mount -t tmpfs -o size={size} small "$1"
            base64 --decode <<<"$links" | tar --extract --directory "$1"
            shift
            "$@"
            status=$?
            find "$0" -mindepth 1 >&2
            exit $status
        """
        return self.run(*NAMESPACES, "--mount", "bash", "-c", script, self.temporary, folder, *command, shared_cache=shared_cache)

    def emulator(self) -> int:
        return next(pid for pid in self._mark.processes() if Path(f"/proc/{pid}/comm").read_text().startswith(("bochs", "qemu-system")))

    def left_behind(self) -> list[str]:
        left = [str(path) for path in self.temporary.iterdir()]
        left += [path.name for path in self.cache.rglob("*") if path.name.startswith((".making-", ".removing-"))]
        return left + [f"process {pid}: {processes.name(pid)}" for pid in self._mark.left()]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    assert made.left_behind() == []


@pytest.fixture
def kernel_alone(place: Place) -> Path:
    """A cache with only the lab's kernel."""
    subprocess.run([ROOT / "tests" / "lab" / "kernel"], check=True, stdout=subprocess.DEVNULL)
    folder = place.cache / "ringside" / "lab"
    folder.mkdir(parents=True)
    for path in cache.root().glob(f"{cache.KEPT}*"):
        (folder / path.name).symlink_to(path)
    return folder


@only_root
@pytest.mark.parametrize("how, message", (
    ("--missing", "open /dev/kvm: No such file or directory. This machine has no KVM device: "),
    ("--no-driver", "open /dev/kvm: No such device. This machine has no KVM device: "),
    ("--forbidden", "open /dev/kvm: Permission denied. Join the group that owns it "),
), ids=("missing", "no-driver", "forbidden"))
class TestDevice:
    def test_the_program_says_what_is_wrong_in_one_line(self, place: Place, how: str, message: str) -> None:
        done = place.run("tests/lab/without-kvm", how, RINGSIDE, "run", "--host=kvm", KERNEL)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert done.stderr.startswith(f"ringside: {message}")

    def test_a_guest_runs_in_the_lab(self, place: Place, how: str, message: str) -> None:
        done = place.run("tests/lab/without-kvm", how, RINGSIDE, "run", "-m64M", "--append=rounds=2 end=exit", KERNEL)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (33, "done"), done.stderr
        why = message.partition(". ")[0]
        assert done.stderr.splitlines()[0] == (f"ringside: no usable KVM ({why}): the machine runs in the Intel lab, which emulates it "
                                               "(--host intel)")

    def test_the_demo_runs_in_the_lab(self, place: Place, how: str, message: str) -> None:
        done = place.run("tests/lab/without-kvm", how, "guests/ringside-demo")
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"no usable KVM ({message.partition('. ')[0]}): the machine runs in the Intel lab" in done.stderr


class TestNetwork:
    def test_the_kernel_cannot_be_had(self, place: Place) -> None:
        done = place.run(*WITHOUT_NETWORK, "tests/lab/run", "--host=amd", "--", "true", shared_cache=False)
        assert (done.returncode, done.stdout) == (LAB_FAILED, "")
        assert f"the lab's kernel, cannot be downloaded. It takes the network once and is then kept in {place.cache}" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_kernel_in_the_cache_is_enough(self, place: Place, kernel_alone: Path) -> None:
        done = place.run(*WITHOUT_NETWORK, "tests/lab/run", "--host=amd", "--", "echo", "it", "runs", shared_cache=False)
        assert (done.returncode, done.stdout) == (0, "it runs\n"), done.stderr


class TestDisk:
    def test_no_room_for_the_machines_files(self, place: Place, kernel_alone: Path) -> None:
        done = place.on_small_disk(kernel_alone, "64k", "tests/lab/run", "--host=amd", "--", "true", shared_cache=False)
        assert (done.returncode, done.stdout) == (LAB_FAILED, "")
        assert done.stderr.splitlines()[-1] == (f"lab: no space is left in {kernel_alone}: make room, or name another place for the lab's "
                                                "cache, which takes some 600 MB, in XDG_CACHE_HOME")

    @pytest.mark.parametrize("host, size", (("amd", "24m"), ("intel", "32m")))
    def test_without_room_for_a_saved_machine_it_boots(self, place: Place, kernel_alone: Path, host: str, size: str) -> None:
        done = place.on_small_disk(kernel_alone, size, "tests/lab/run", f"--host={host}", "--", "echo", "it", "runs", shared_cache=False)
        assert (done.returncode, done.stdout) == (0, "it runs\n"), done.stderr
        assert "lab: starting without a saved machine: " in done.stderr

    @pytest.mark.parametrize("host", ("amd", "intel"))
    def test_no_room_for_a_jobs_files(self, place: Place, host: str) -> None:
        done = place.on_small_disk(place.temporary, "64k", "tests/lab/run", f"--host={host}", "--", RINGSIDE, "--version")
        assert (done.returncode, done.stdout) == (LAB_FAILED, "")
        assert done.stderr.splitlines()[-1] == f"lab: no space is left in {place.temporary}: make room, or name another place in TMPDIR"


class TestDeath:
    """The emulator is killed while it is in use."""

    def kill_after(self, place: Place, sign: Callable[[str], bool], *command: object) -> tuple[int, str]:
        with subprocess.Popen(list(map(str, command)), stderr=subprocess.STDOUT, **place.options(True)) as process:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if sign(line):
                    os.kill(place.emulator(), signal.SIGKILL)
                    break
            said += process.stdout.read()
        return process.returncode, said

    @pytest.mark.parametrize("host", ("amd", "intel"))
    def test_of_a_command(self, place: Place, host: str) -> None:
        status, said = self.kill_after(place, lambda line: line == "up\n", "tests/lab/run", f"--host={host}", "--", "sh", "-c",
                                       "echo up; sleep 1000")
        assert status == LAB_FAILED
        assert "\nlab: the machine went away before its end of sh\n" in said

    def test_of_a_program_with_its_machine_in_the_lab(self, place: Place) -> None:
        status, said = self.kill_after(place, lambda line: line.startswith("round 2: "), RINGSIDE, "run", "--host=amd", "-m64M", KERNEL)
        assert status == 1
        assert "ringside: the machine went away before its end of ringside\n" in said

    def test_of_the_demo(self, place: Place) -> None:
        status, said = self.kill_after(place, lambda line: line.startswith("(gdb) break"), "tests/lab/demo")
        assert status == LAB_FAILED
        assert "\nlab: the machine went away before its end of ringside\n" in said
