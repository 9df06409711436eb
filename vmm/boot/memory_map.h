// The guest's memory map, which every protocol passes on in its own format (ACPI 6.4, 15: "System Address
// Map").
#pragma once

#include <cstdint>
#include <vector>

#include "vmm/base/ids.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::boot {

// The numbers are the same in E820, multiboot and Xen.
enum class MemoryType : std::uint32_t { Ram = 1, Reserved = 2 };

struct MemoryMapEntry {
    Gpa start;
    std::uint64_t size = 0;
    MemoryType type = MemoryType::Ram;
    friend bool operator==(const MemoryMapEntry&, const MemoryMapEntry&) = default;
};

// An entry in the format of the BIOS, Linux's zero page and fw_cfg.
struct [[gnu::packed]] E820Entry {
    std::uint64_t start = 0;
    std::uint64_t size = 0;
    std::uint32_t type = 0;
};
static_assert(sizeof(E820Entry) == 20);

// The map, sorted and without overlaps: all RAM, except that [EBDA, 1 MiB) is reserved as on a PC. ROMs and
// KVM's own pages below 4 GiB are reserved as well.
std::vector<MemoryMapEntry> memory_map(const machine::GuestMemory& memory);

// The end of the RAM that starts at 0; 0 if there is none.
Gpa end_of_low_ram(const machine::GuestMemory& memory);

// KiB of RAM below the EBDA, and from 1 MiB up to the first hole: what multiboot and BIOS calls report.
std::uint64_t lower_memory_kib(const machine::GuestMemory& memory);
std::uint64_t upper_memory_kib(const machine::GuestMemory& memory);

}  // namespace ringside::boot
