// What both versions of multiboot have in common: how the kernel comes into memory, what keeps clear of it,
// and how it is entered.
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/boot/loaders.h"

namespace ringside::boot {

// Where a header says that the file is to be loaded, instead of its ELF headers (Multiboot 1, 3.1.3;
// Multiboot 2, 3.1.5).
struct MultibootAddresses {
    std::uint64_t header_offset = 0;   // in the file
    std::uint32_t header_address = 0;  // where the header comes to lie
    std::uint32_t load_address = 0;
    std::uint32_t load_end = 0;  // 0: up to the end of the file
    std::uint32_t bss_end = 0;   // 0: no bss
};

// What was loaded, however it was described.
struct MultibootKernel {
    Gpa entry;
    Gpa end;
};

// Places the kernel by `addresses` if the header has them, else by its ELF headers. `entry` is the header's;
// without one the ELF file's counts.
Result<MultibootKernel> place_multiboot_kernel(const LoadContext& context,
                                               const std::optional<MultibootAddresses>& addresses,
                                               std::optional<std::uint32_t> entry);

// The state in which both versions enter it: `magic` in EAX, the information's address in EBX.
Result<BootState> enter_multiboot_kernel(const LoadContext& context, Protocol protocol, std::uint32_t magic,
                                         const MultibootKernel& kernel, Gpa info);

// The command line as multiboot kernels expect it: the kernel's name first, as GRUB Legacy and QEMU pass it.
std::string multiboot_command_line(const BootRequest& request);

}  // namespace ringside::boot
