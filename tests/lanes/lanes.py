"""The lanes, in the order in which they run: cheap and telling ones first.

A lane is a function and a line in LANES. The function builds what it needs, runs it, and leaves the counts in its run;
it raises Skipped with a reason where the machine cannot do it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.fresh import debian as fresh_debian
from tests.harness.kvm import unusable
from tests.lanes import matrix
from tests.lanes.lane import BUILD, JOBS, LOGS, ROOT, LabMachine, Lane, LaneRun, Skipped
from tests.linux import cases as linux_cases
from tests.linux import dbg_packages, other_kernels

PYTHON = sys.executable
# Files of tests/linux with lanes of their own.
LINUX_ELSEWHERE = ("test_emulated.py", "test_dbg.py", "test_dump.py", "test_memory_file.py")
# What the short form of the lane linux has of it.
LINUX_SHORT = ("test_words.py", "test_smp.py", "test_debugging.py")
LINUX_SHORT_BOOTS = [name for name in linux_cases.CASES if name != "generic"]
FUZZ_SECONDS = 20
FUZZ_SECONDS_SHORT = 4
LAB_MACHINES = 2  # emulators at the same time: each keeps one core busy
# pytest's options for tests of a machine: on this host's KVM, and where it has none.
HERE = [f"--numprocesses={JOBS}"]
HOSTED = ROOT / "tests" / "harness" / "ringside-on-host"
IN_LAB = ["--lab=amd", f"--lab-machines={LAB_MACHINES}"]
SAMPLE = ["-m", "sample"]


def lint(run: LaneRun) -> None:
    for check in ("format", "files", "layers", "shell"):
        run.one_test(check, PYTHON, "-m", f"tests.lint.{check}")
    run.pytest("tests/lint", "tests/lanes", "tests/mutation", "tests/fresh/test_parts.py")
    if not run.quick:
        for foundation in ("arch", "gdbstub"):
            stands_alone(run, foundation)


def tidy(run: LaneRun) -> None:
    # The fuzzers are sources like any other; no link, so nothing is instrumented.
    if run.one_test("configure", "cmake", "--preset", "clang", "-DRINGSIDE_FUZZ=ON"):
        run.one_test("clang-tidy", PYTHON, "-m", "tests.lint.tidy", "--build", BUILD / "clang",
                     *(["--changed"] if run.quick or run.short else []))


def stands_alone(run: LaneRun, foundation: str) -> None:
    """A foundation builds where no other part of the project is visible."""
    place = BUILD / "alone" / foundation
    place.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "tests" / "lint" / "alone.cmake", place / "CMakeLists.txt")
    for name in (".cmake", foundation):
        link = place / name
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT / name)
    if run.one_test(f"{foundation} configures alone", "cmake", "-G", "Ninja", "-S", place, "-B", place / "build",
                    f"-DFOUNDATION={foundation}", "-DRINGSIDE_PCH=OFF"):
        run.one_test(f"{foundation} builds alone", "ninja", "-C", place / "build")


def unit(run: LaneRun) -> None:
    run.ctest(run.build("release"), "unit")
    run.pytest("tests/harness", "tests/lab", "tests/conformance", "tests/gdb_testsuite", "tests/package", "-m", "not boots")


def need_kvm() -> None:
    if reason := unusable():
        raise Skipped(f"no usable /dev/kvm: {reason}")


def in_lab_instead(run: LaneRun) -> bool:
    """Returns true if this host has no usable /dev/kvm, and says so in one line."""
    reason = unusable()
    if reason:
        run.note(f"no usable /dev/kvm: {reason}: in the lab")
    return bool(reason)


def gdb(run: LaneRun) -> None:
    """Real guests under a real gdb: on this host's KVM, or inside the AMD lab, where they take a fraction of the Intel lab's time."""
    run.build("release")
    in_lab = in_lab_instead(run)
    chosen = SAMPLE if in_lab and (run.quick or run.short) else []
    run.pytest("tests/integration", *chosen, *(IN_LAB if in_lab else HERE))


def clients(run: LaneRun) -> None:
    """LLDB, debug adapters, VS Code, IDEs' use of gdb/MI, and editors."""
    need_kvm()
    run.build("release", "vmm/cli/all", "guests/all")
    run.pytest("tests/clients", *HERE)


def sanitized(run: LaneRun, preset: str, options: dict[str, str], unit_tests: tuple[str, ...]) -> None:
    """A sanitizer's build of the unit tests and of the program, and the gdb tests with that program."""
    guests = run.build("release", "guests/all") / "guests"
    directory = run.build(preset, "vmm/cli/all", *unit_tests)
    if unit_tests:
        run.ctest(directory, "unit", env=options)
    in_lab = in_lab_instead(run)
    chosen = SAMPLE if in_lab or run.short else []
    run.pytest("tests/integration", *chosen, *(IN_LAB if in_lab else HERE), env={
        **options, "RINGSIDE": str(directory / "ringside"), "RINGSIDE_GUESTS": str(guests),
        "RINGSIDE_TEST_TIMEOUT_FACTOR": "4"})


def asan(run: LaneRun) -> None:
    sanitized(run, "asan", {"ASAN_OPTIONS": "abort_on_error=1", "UBSAN_OPTIONS": "print_stacktrace=1"},
              ("tests/unit/all", "tests/fuzz/all"))


def tsan(run: LaneRun) -> None:
    # The threads meet in the program under gdb. Few unit tests have any.
    unit_tests = () if run.short else ("tests/unit/all", "tests/fuzz/all")
    sanitized(run, "tsan", {"TSAN_OPTIONS": "halt_on_error=1"}, unit_tests)


def fuzz(run: LaneRun) -> None:
    """Runs each fuzzer for a few seconds from its seeds. New inputs that it finds stay in build/."""
    seconds = FUZZ_SECONDS_SHORT if run.short else FUZZ_SECONDS
    directory = run.build("fuzz", "tests/fuzz/all") / "tests" / "fuzz"
    run.tests_together({fuzzer.name: fuzzing(fuzzer, seconds) for fuzzer in sorted(directory.glob("*_fuzz"))})


def fuzzing(fuzzer: Path, seconds: int) -> tuple:
    found = fuzzer.with_suffix(".found")
    found.mkdir(exist_ok=True)
    seeds = ROOT / "tests" / "fuzz" / "corpus" / fuzzer.name.removesuffix("_fuzz")
    return (fuzzer, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", f"-artifact_prefix={found}/", found,
            *([seeds] if seeds.is_dir() else []))


def guests_end_well(build: Path) -> dict[str, tuple[int, str]]:
    """Commands for the lab: each guest runs and ends with the status that means it found everything right."""
    def ends(kernel: str, options: str = "") -> str:
        program, guests = build / "ringside", build / "guests"
        return f"{program} run -m 64M --serial stderr {options} {guests / kernel} ; test $? -eq 33"

    return {
        "doctor": (60, f"{build / 'ringside'} doctor"),
        "kvm": (120, str(build / "tests" / "lab" / "lab_selftest")),
        "hello16": (30, ends("hello16.bin")),
        "protected32": (30, ends("protected32")),
        "demo64": (60, ends("demo64", "--append=rounds=5")),
        "smp": (60, ends("smp", "--cpus=2 --append='cpus=2 rounds=20'")),
    }


def kvm(run: LaneRun) -> None:
    """The debug conformance matrix on this host's KVM, otherwise on the lab's best one."""
    if "lab-intel" in run.lanes and (reason := unusable()):
        raise Skipped(f"no usable /dev/kvm: {reason}: the lane lab-intel has the matrix")
    build = run.build("release")
    if in_lab_instead(run):
        run.in_lab("intel", *matrix.machines_in_lab(run, "intel", build, LAB_MACHINES))
        return matrix.count_in_lab(run, "intel", LAB_MACHINES)
    results = LOGS / "kvm-counts.json"
    results.unlink(missing_ok=True)
    run.run(matrix.program(build), "--json", results)
    kind = matrix.kvm_of(results)
    if kind in matrix.TITLES:
        matrix.count(run, matrix.TITLES[kind], results)
    else:
        run.count_file(results)
        run.note(f"{matrix.PAGE} has no column for {kind}")


def exits_are_right(build: Path) -> dict[str, tuple[int, str]]:
    """Commands for the lab: what only a KVM with real hardware below it shows."""
    # perf's tracepoints are skipped where tracefs is not mounted, as on most hosts.
    tracepoints = build / "tests" / "unit" / "vmm" / "exits" / "ringside_exits_test"
    return {
        "exits": (400, str(build / "tests" / "lab" / "lab_exits_test")),
        "tracepoints": (60, f"{tracepoints} --gtest_filter='PerfEvent.*'"),
    }


def in_lab(run: LaneRun, host: str, more: dict[str, tuple[int, str]]) -> None:
    """`more`, the guests by themselves, the hardware's exits, and the matrix, on two machines at the same time."""
    build = run.build("release")
    first, second = matrix.machines_in_lab(run, host, build, LAB_MACHINES)
    first.commands = more | guests_end_well(build) | first.commands
    second.commands = exits_are_right(build) | second.commands
    second.files += (build / "guests" / "exits", Path("/usr/bin/perf"))  # perf is the oracle for the counts
    run.in_lab(host, first, second)
    matrix.count_in_lab(run, host, LAB_MACHINES)


def gdb_in_lab(run: LaneRun, host: str, only_nested: bool = False) -> None:
    """Guests that are hypervisors: few hosts' KVM has nested virtualisation, and the lab's has. Whether going back is exact, which
    depends on how the host traps. Watchpoints whose pages are write-protected, which a KVM that emulates ring 0 cannot do. And what
    the monitor shows of a CPU and its interrupt controllers beside what the guest reads."""
    nested = (f"tests/integration/{path.name}" for path in sorted((ROOT / "tests/integration").glob("test_nested*.py")))
    shown = (f"tests/integration/test_monitor_{name}.py" for name in ("cpu", "interrupts", "maps"))
    others = ("test_time_travel.py::TestExactness", "test_protected_pages.py", "test_monitor_break.py::TestWatch")
    not_nested = () if only_nested else (*shown, *(f"tests/integration/{name}" for name in others))
    run.pytest(*nested, *not_nested, f"--lab={host}", f"--lab-machines={LAB_MACHINES}")


def lab_intel(run: LaneRun) -> None:
    """With a look at Linux, of which the lane linux has the rest: it boots, and by way of a BIOS, too."""
    boots = linux_cases.commands(BUILD / "release" / "ringside", LOGS / "linux-intel.cpio", ("kaslr", "firmware"))
    in_lab(run, "intel", {f"linux-{name}": command for name, command in boots.items()})
    gdb_in_lab(run, "intel", only_nested=run.short)


def without_kvm(run: LaneRun) -> None:
    """Devices, disks, networks and emulators that are missing, full or die; and with /dev/kvm hidden, if there is one, what a user
    runs."""
    run.build("release")
    shown_elsewhere = bool(unusable())
    if shown_elsewhere:
        run.note("no usable /dev/kvm here: the lanes kvm and gdb show what is run instead")
    run.pytest("tests/lab/test_broken.py", "tests/lab/test_host.py", "tests/lab/test_ide_tasks.py",
               *([] if shown_elsewhere else ["tests/lab/test_stand_in.py"]))
    # With --host the program does what it does here. (AMD's SVM resets the vCPU at a triple fault.)
    run.pytest("tests/integration/test_transports.py", "tests/integration/test_endings.py",
               "--deselect=integration/test_endings.py::TestEndings::test_a_triple_fault_under_a_debugger_stops_where_it_happened",
               env={"RINGSIDE": str(HOSTED), "RINGSIDE_HOST": "amd", "RINGSIDE_TEST_TIMEOUT_FACTOR": "4"})


def fresh(run: LaneRun) -> None:
    """The README's commands on a minimal Debian without KVM, by root and by another user. The short form is root's, with the quick
    tests; no form runs inside another."""
    if "RINGSIDE_FRESH" in os.environ:
        raise Skipped("this is the fresh machine")
    if reason := fresh_debian.why_not():
        raise Skipped(reason)
    try:
        fresh_debian.archive()
    except fresh_debian.Unavailable as error:
        raise Skipped(f"a minimal Debian cannot be made: {error}") from None
    run.pytest("tests/fresh", "--capture=no", "-m", "not whole" if run.short else "not short")


def lab_amd(run: LaneRun) -> None:
    ticks = "$(awk '/rtc0/ { print $2 }' /proc/interrupts)"  # of the second source of interrupts: see tests/lab/README.md
    in_lab(run, "amd", {"stays_awake": (20, f"before={ticks}; sleep 1; [ {ticks} -gt $((before + 1)) ]")})
    run.pytest("tests/lab/test_network.py")
    gdb_in_lab(run, "amd")


def linux(run: LaneRun) -> None:
    """Debian's kernel to a shell and back, by every way in, and other kernels, in one boot of the AMD machine; gdb sessions with
    Debian's on the Intel machine, where breakpoints are real."""
    build = run.build("release")
    archive = LOGS / "linux-guest.cpio"
    if run.short:
        run.in_lab("amd", LabMachine(linux_cases.commands(build / "ringside", archive, LINUX_SHORT_BOOTS)))
        return run.pytest(*(f"tests/linux/{name}" for name in LINUX_SHORT), "--capture=no")
    commands = linux_cases.commands(build / "ringside", archive) | other_kernels.commands(build / "ringside")
    run.in_lab("amd", LabMachine(commands))
    run.pytest("tests/linux", "--capture=no", *(f"--ignore=tests/linux/{name}" for name in LINUX_ELSEWHERE))


def linux_emulated(run: LaneRun) -> None:
    """Debian's kernel on this host's KVM, if that runs ring 0 in its instruction emulator: everywhere else the lane linux says
    more, and sooner."""
    need_kvm()
    if not Path("/sys/module/kvm_pvm").exists():
        raise Skipped("this host's KVM does not emulate ring 0")
    run.build("release")
    run.pytest("tests/linux/test_emulated.py", "--capture=no")


def linux_dbg(run: LaneRun) -> None:
    """Debian's kernel with its source's names, lines and types, Linux's own gdb scripts, and dumps in crash and drgn."""
    build = run.build("release")
    try:
        dbg_packages.prepare()
    except (subprocess.SubprocessError, dbg_packages.kernel.LabError) as error:
        raise Skipped(f"Debian's -dbg package cannot be had: {error}") from None
    run.pytest("tests/linux/test_dbg.py", "tests/linux/test_dump.py", "tests/linux/test_memory_file.py", "--capture=no")


def bench(run: LaneRun) -> None:
    """On this host's KVM, otherwise in the AMD lab: a guest of the Intel one that runs with IF clear cannot be interrupted."""
    build = run.build("release")
    folder, results = build / "tests" / "bench", LOGS / "bench.json"
    program = [folder / "ringside_bench", "--ringside", build / "ringside", "--guest", folder / "bench_guest", "--seconds", "0.2",
               "--json", results]
    results.unlink(missing_ok=True)
    if in_lab_instead(run):
        qemu = (Path("/usr/bin/qemu-system-x86_64"), Path("/usr/share/qemu/pvh.bin"), Path("/usr/share/qemu/kvmvapic.bin"),
                Path("/usr/share/seabios"))
        run.in_lab("amd", LabMachine({"bench": (600, " ".join(map(str, program)))}, qemu, (results,)))
    else:
        run.one_test("bench", *program)
        run.one_test("exit_cost", PYTHON, "-m", "tests.bench.exit_cost", "3")
        run.one_test("dump_speed", PYTHON, "-m", "tests.bench.dump_speed", "64", LOGS)
    show_bench(run, results)


def show_bench(run: LaneRun, results: Path) -> None:
    if not results.exists():
        return
    def shown(number: float | None) -> str:
        return "-" if number is None else f"{number:.3g}"

    for row in json.loads(results.read_text(encoding="utf-8")):
        values = ", ".join(f"{title} {shown(row[key])}" for title, key in (("Ringside", "ringside"), ("QEMU", "qemu"), ("limit", "limit")))
        run.note(f"{row['name']}, {row['unit']}: {values}" + (f" ({row['note']})" if row["note"] else ""))


def mutation(run: LaneRun) -> None:
    """In a build of its own, of a copy of the sources."""
    run.one_test("mutation", PYTHON, "-m", "tests.mutation")


def gdb_testsuite(run: LaneRun) -> None:
    """gdb's own tests, whose programs are kernels here."""
    need_kvm()
    build = run.build("release", "ringside")
    results = LOGS / "gdb-testsuite-counts.json"
    results.unlink(missing_ok=True)
    run.run(PYTHON, "-m", "tests.gdb_testsuite", "--counts", results, env={"RINGSIDE": str(build / "ringside")})
    run.count_file(results)


# Groups of packages that more than one lane needs.
BUILD_GROUPS = ("build", "test")
LAB_GROUPS = ("lab", "intel", "amd")
GDB_GROUPS = (*BUILD_GROUPS, "gdb", *LAB_GROUPS)  # the lab, for where there is no KVM
LINUX_GROUPS = (*BUILD_GROUPS, *LAB_GROUPS, "linux")
SAMPLE_LONG = "the gdb tests that are not marked `sample`"

LANES = [
    Lane("lint", "format, layers, sizes, shellcheck, the foundations built alone", lint, ("build", "lint"), quick=True),
    Lane("tidy", "clang-tidy over all of our C++", tidy, (*BUILD_GROUPS, "clang", "lint"), quick=True,
         only_long="the files that the last commit does not touch"),
    Lane("unit", "unit tests, release build", unit, (*BUILD_GROUPS, *LAB_GROUPS), quick=True),
    Lane("kvm", "the debug conformance matrix, on this host's KVM", kvm, GDB_GROUPS, quick=True),
    Lane("gdb", "real guests under a real gdb, on this host's KVM or in the AMD lab", gdb, GDB_GROUPS, quick=True,
         only_long=f"in the lab, {SAMPLE_LONG}"),
    Lane("clients", "LLDB 14, 16 and 19, debug adapters, VS Code, IDEs' use of gdb/MI, Emacs and Neovim", clients, (*GDB_GROUPS, "clients")),
    Lane("mutation", "faults planted in the debugger's core, each of which must make a unit test fail", mutation, BUILD_GROUPS),
    Lane("gdb-testsuite", "gdb's own test suite, with Ringside as its target", gdb_testsuite, (*BUILD_GROUPS, "gdb", "testsuite")),
    Lane("asan", "unit and gdb tests under AddressSanitizer and UBSan; in the lab, some gdb tests", asan, GDB_GROUPS,
         only_long=SAMPLE_LONG),
    Lane("tsan", "unit and gdb tests under ThreadSanitizer; in the lab, some gdb tests", tsan, GDB_GROUPS,
         only_long=f"the unit tests and {SAMPLE_LONG}"),
    Lane("fuzz", f"each fuzzer for {FUZZ_SECONDS} seconds", fuzz, (*BUILD_GROUPS, "clang"),
         only_long=f"{FUZZ_SECONDS - FUZZ_SECONDS_SHORT} of these seconds"),
    Lane("bench", "Ringside and QEMU side by side: it runs, no time is asserted", bench, (*BUILD_GROUPS, "bench", "lab", "amd")),
    Lane("lab-amd", "guests, exits and the conformance matrix on kvm-amd, in QEMU's emulated SVM", lab_amd,
         (*BUILD_GROUPS, *LAB_GROUPS, "gdb")),
    Lane("lab-intel", "guests, exits and the conformance matrix on kvm-intel, in Bochs's emulated VMX", lab_intel, LINUX_GROUPS,
         only_long="gdb tests of other guests than hypervisors"),
    Lane("without-kvm", "no /dev/kvm, no network, no room, a lab that dies: what a user sees", without_kvm, (*GDB_GROUPS, "demo")),
    Lane("linux", "Debian's kernel, memtest86+, Xen, SeaBIOS on kvm-amd; Debian's under gdb on kvm-intel", linux, LINUX_GROUPS,
         only_long="other kernels than Debian's cloud kernel, and most sessions under gdb"),
    Lane("linux-emulated", "Debian's kernel on a KVM that emulates ring 0, to a shell with gdb's help", linux_emulated, LINUX_GROUPS),
    Lane("linux-dbg", "Debian's kernel with its -dbg package (440 MB, once): gdb with Linux's lx-* scripts, dumps in drgn and crash", linux_dbg,
         LINUX_GROUPS),
    Lane("fresh", "the README's commands on a minimal Debian 12 without KVM, and the package", fresh, ("runner", "fresh"), minutes=600,
         only_long="a user without root, the package, and the whole ./tests/run there"),
]
