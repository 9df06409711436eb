// What both versions of multiboot have in common: how the kernel is loaded, which memory it must not overlap,
// and how it is entered.
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/boot/loaders.h"

namespace ringside::boot {

// The load addresses from a multiboot header, which override the ELF program headers (Multiboot 1, 3.1.3;
// Multiboot 2, 3.1.5).
struct MultibootAddresses {
    std::uint64_t header_offset = 0;   // in the file
    std::uint32_t header_address = 0;  // of the header once it is loaded
    std::uint32_t load_address = 0;
    std::uint32_t load_end = 0;  // 0: up to the end of the file
    std::uint32_t bss_end = 0;   // 0: no bss
};

// The loaded kernel, however its file describes it.
struct MultibootKernel {
    Gpa entry;
    Gpa end;
};

// Places the kernel according to `addresses` if the header has them, otherwise according to its ELF headers.
// `entry` comes from the header; without it the ELF entry is used.
Result<MultibootKernel> place_multiboot_kernel(const LoadContext& context,
                                               const std::optional<MultibootAddresses>& addresses,
                                               std::optional<std::uint32_t> entry);

// A module in guest memory.
struct PlacedModule {
    std::uint32_t start = 0, end = 0;
    std::string text;
};

// Copies the modules to the top of the memory above the kernel, the first one highest.
Result<std::vector<PlacedModule>> place_modules(const LoadContext& context, Gpa kernel_end);

// The state in which both versions enter the kernel: `magic` in EAX, the address of the information in EBX.
Result<BootState> enter_multiboot_kernel(const LoadContext& context, Protocol protocol, std::uint32_t magic,
                                         const MultibootKernel& kernel, Gpa info);

// The command line as multiboot kernels expect it: the kernel's name first, as GRUB Legacy and QEMU pass it.
std::string multiboot_command_line(const BootRequest& request);

}  // namespace ringside::boot
