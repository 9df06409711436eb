// Linux's VMCOREINFO, found in guest memory: the kernel keeps it as an ELF note at the start of a page
// (kernel/crash_core.c).
#pragma once

#include <optional>
#include <string_view>

#include "arch/x86_64/cpu_state.h"
#include "vmm/debug/dump/notes.h"
#include "vmm/debug/guest/guest_view.h"

namespace ringside::debug {

// Where the guest's kernel says that the note is (fw_cfg's "etc/vmcoreinfo"). Nothing of it has been checked.
struct NotePlace {
    std::uint64_t address = 0;
    std::uint64_t size = 0;
};

struct Vmcoreinfo {
    Bytes note;  // with its header
    NotePlace place;
};

// The note: the one that the kernel has named, otherwise the one in memory that describes the kernel which
// `system`'s page tables map, otherwise the first. A reboot leaves an old kernel's note in memory, and a nested guest
// has its own. nullopt if there is none.
std::optional<Vmcoreinfo> find_vmcoreinfo(const GuestView& view, const x86::SystemRegisters& system,
                                          std::optional<NotePlace> named);

// Returns true if the page tables map the kernel where the note says that it is.
bool describes_the_mapped_kernel(const Bytes& note, const GuestView& view,
                                 const x86::SystemRegisters& system);

// The text after "KEY=" in a note; nullopt if there is no such line.
std::optional<std::string_view> vmcoreinfo_value(const Bytes& note, std::string_view key);

}  // namespace ringside::debug
