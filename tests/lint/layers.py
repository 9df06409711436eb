"""The layers of the source tree, checked by its #include lines and by its uses of KVM's names.

Each folder names what it may include; whatever is not named is forbidden. The table has no cycles (a test says so), so
neither has the tree. Run as a program, it lists every line that breaks a rule.
"""

import dataclasses
import fnmatch
import re
import sys

from tests.lint import sources


@dataclasses.dataclass(frozen=True)
class Layer:
    folder: str
    may_include: tuple[str, ...]  # folders or files of the project, beside the folder itself
    never_system: tuple[str, ...] = ()  # patterns of <headers>


_KERNEL_INTERFACE = ("linux/*", "sys/*", "asm/*")
_SOCKETS = ("asio*", "netinet/*", "arpa/*", "netdb.h")
_THREADS = ("thread", "mutex", "shared_mutex", "condition_variable", "future", "semaphore", "pthread.h")
_FILES = ("fstream", "filesystem", "fcntl.h", "unistd.h", "cstdio", "stdio.h")

LAYERS = (
    Layer("arch", (), _KERNEL_INTERFACE + _SOCKETS + _THREADS + _FILES),
    Layer("gdbstub", (), ("linux/kvm.h", "sys/ioctl.h", "capstone/*")),
    Layer("vmm/base", ("arch/x86_64/address.h",)),
    Layer("vmm/kvm", ("arch", "vmm/base")),
    Layer("vmm/exits/record", ("arch", "vmm/base", "vmm/kvm")),
    Layer("vmm/exits/hardware", ("arch", "vmm/base", "vmm/kvm", "vmm/exits/record")),
    Layer("vmm/exits/catch", ("arch", "vmm/base", "vmm/kvm", "vmm/exits/record")),
    Layer("vmm/exits/trace", ("arch", "vmm/base", "vmm/exits/record")),
    Layer("vmm/exits/report", ("arch", "vmm/base", "vmm/exits/record", "vmm/exits/hardware", "vmm/exits/trace")),
    Layer("vmm/machine", ("arch", "vmm/base", "vmm/kvm", "vmm/exits/record")),
    Layer("vmm/snapshot", ("arch", "vmm/base", "vmm/kvm", "vmm/machine")),
    Layer("vmm/history", ("arch", "vmm/base", "vmm/kvm", "vmm/machine", "vmm/snapshot", "vmm/debug/guest")),
    Layer("vmm/devices", ("arch", "vmm/base", "vmm/machine"), ("linux/kvm.h",)),
    Layer("vmm/boot", ("arch", "vmm/base", "vmm/kvm", "vmm/machine")),
    Layer("vmm/debug/host", ("arch", "vmm/base", "vmm/kvm", "vmm/machine", "vmm/exits/hardware")),
    Layer("vmm/debug/guest", ("arch", "vmm/base", "vmm/kvm", "vmm/machine")),
    Layer("vmm/debug/dump", ("arch", "vmm/base", "vmm/machine", "vmm/debug/guest")),
    Layer("vmm/debug/breakpoints", ("arch", "gdbstub/target.h", "vmm/base", "vmm/kvm", "vmm/machine", "vmm/debug/host",
                                    "vmm/debug/guest")),
    Layer("vmm/debug/run_control", ("arch", "gdbstub", "vmm/base", "vmm/kvm", "vmm/machine", "vmm/exits/record",
                                    "vmm/exits/hardware/tracefs.h", "vmm/debug/host", "vmm/debug/guest", "vmm/debug/breakpoints",
                                    "vmm/history")),
    Layer("vmm/debug/trace", ("arch", "gdbstub", "vmm/base", "vmm/kvm", "vmm/machine", "vmm/debug/guest",
                              "vmm/debug/breakpoints", "vmm/debug/run_control")),
    Layer("vmm/debug/travel", ("arch", "gdbstub", "vmm/base", "vmm/kvm", "vmm/machine", "vmm/history", "vmm/debug/guest",
                               "vmm/debug/breakpoints", "vmm/debug/run_control")),
    Layer("vmm/debug/target", ("arch", "gdbstub", "vmm/base", "vmm/kvm", "vmm/machine", "vmm/exits/record",
                               "vmm/snapshot", "vmm/history", "vmm/debug/host", "vmm/debug/guest", "vmm/debug/breakpoints",
                               "vmm/debug/run_control", "vmm/debug/trace", "vmm/debug/travel")),
    Layer("vmm/debug/monitor", ("arch", "gdbstub", "vmm/base", "vmm/machine", "vmm/snapshot", "vmm/history", "vmm/debug/host",
                                "vmm/debug/guest", "vmm/debug/dump",
                                "vmm/debug/breakpoints", "vmm/debug/run_control", "vmm/debug/target")),
    # What a guest's memory holds is parsed without the debugger.
    Layer("vmm/debug/linux/kernel", ("vmm/base", "vmm/debug/dump/notes.h", "vmm/debug/dump/vmcoreinfo.h")),
    Layer("vmm/debug/linux", ("arch", "gdbstub", "vmm/base", "vmm/machine", "vmm/debug/guest", "vmm/debug/dump",
                              "vmm/debug/breakpoints", "vmm/debug/run_control", "vmm/debug/target", "vmm/debug/monitor")),
    Layer("vmm/debug/core", ("arch", "gdbstub", "vmm/base", "vmm/machine", "vmm/debug/guest", "vmm/debug/dump", "vmm/debug/target",
                             "vmm/debug/run_control/thread_ids.h", "vmm/debug/monitor", "vmm/debug/linux")),
    Layer("vmm/debug/nested", ("arch", "gdbstub", "vmm/base", "vmm/kvm", "vmm/machine", "vmm/debug/guest",
                               "vmm/debug/breakpoints", "vmm/debug/run_control", "vmm/debug/target",
                               "vmm/debug/monitor")),
    Layer("vmm/exit_monitor", ("arch", "gdbstub", "vmm/base", "vmm/kvm", "vmm/machine", "vmm/exits", "vmm/debug")),
    Layer("vmm/cli", ("arch", "gdbstub", "vmm")),
    Layer("guests", ()),
    # The foundations' tests need nothing of the monitor either.
    Layer("tests/unit/arch", ("arch", "tests/support")),
    Layer("tests/unit/gdbstub", ("gdbstub", "tests/support")),
)

MAP = "vmm/README.md"

# <linux/kvm.h> gives wrong ioctl numbers in C++ unless it is corrected first; this header does.
KVM_HEADER_OWNER = "vmm/kvm/kvm_abi.h"
# The lab's check of KVM itself knows nothing of Ringside and uses none of the structs in question.
KVM_HEADER_USERS = (KVM_HEADER_OWNER, "tests/lab/selftest.cpp")

# The folders whose code may name what <linux/kvm.h> declares. All others call functions of vmm/kvm or vmm/exits/record.
KVM_NAME_USERS = ("vmm/kvm", "vmm/machine", "vmm/exits", "vmm/snapshot", "tests")
_KVM_NAME = re.compile(r"\bKVM_[A-Z0-9_]+\b|\bkvm_(?:run|regs|sregs2?|segment|dtable|fpu|xsave|xcrs?|msrs|msr_entry|msr_filter"
                       r"|vcpu_events|debugregs|guest_debug|cpuid2|cpuid_entry2|mp_state|lapic_state|irqchip|ioapic_state"
                       r"|pic_state|pit_state2|pit_config|nested_state|clock_data|userspace_memory_region|dirty_gfn"
                       r"|dirty_log|stats_header|stats_desc|enable_cap|irq_level)\b")
_COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def kvm_names(text: str) -> list[str]:
    """KVM's names in a file's code; comments and messages may use them."""
    return sorted(set(_KVM_NAME.findall(_COMMENT_OR_STRING.sub("", text))))


def is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def layer_of(path: str) -> Layer | None:
    """The innermost layer that holds a file; none for files that may include anything."""
    holding = [layer for layer in LAYERS if is_below(path, layer.folder)]
    return max(holding, key=lambda layer: len(layer.folder), default=None)


def violations(files: dict[str, str]) -> list[str]:
    """One line for each include that breaks a rule. `files` maps paths from the root to their text."""
    found = []
    for path, text in sorted(files.items()):
        quoted, system = sources.includes(text)
        found += [f'{path}: "{name}" is not a path from the project\'s root' for name in quoted if name not in files]
        if "linux/kvm.h" in system and path not in KVM_HEADER_USERS:
            found.append(f"{path}: <linux/kvm.h> is included by {KVM_HEADER_OWNER} only")
        if not any(is_below(path, folder) for folder in KVM_NAME_USERS):
            found += [f"{path}: {name} is for {', '.join(KVM_NAME_USERS)} only" for name in kvm_names(text)]
        layer = layer_of(path)
        if layer is None:
            continue
        allowed = (layer.folder, *layer.may_include)
        found += [f'{path}: {layer.folder} may not include "{name}"' for name in quoted
                  if name in files and not any(is_below(name, folder) for folder in allowed)]
        found += [f"{path}: {layer.folder} may not include <{name}>" for name in system
                  if any(fnmatch.fnmatchcase(name, pattern) for pattern in layer.never_system)]
    return found


def missing_from_map(page: str) -> list[str]:
    """The layers of vmm/ that its architecture page has no row for, neither for the folder nor for one that holds it."""
    folders = [layer.folder.removeprefix("vmm/") for layer in LAYERS if layer.folder.startswith("vmm/")]

    def has_row(folder: str) -> bool:
        return f"| `{folder}/` |" in page or f"| [`{folder}/`](" in page

    def is_covered(folder: str) -> bool:
        parts = folder.split("/")
        return any(has_row("/".join(parts[:length])) for length in range(len(parts), 0, -1))

    return [f"{MAP} has no row for {folder}/" for folder in folders if not is_covered(folder)]


def main() -> int:
    found = violations({path: sources.read(path) for path in sources.cpp_files()})
    found += missing_from_map(sources.read(MAP))
    print("\n".join(found) if found else "every file keeps to its layer")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
