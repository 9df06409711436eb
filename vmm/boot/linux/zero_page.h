// The zero page, `struct boot_params`, in which a loader describes the machine to Linux (Linux's
// Documentation/arch/x86/zero-page.rst).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "vmm/base/ids.h"
#include "vmm/boot/memory_map.h"

namespace ringside::boot::linux_boot {

inline constexpr std::size_t kZeroPageSize = 4096;
using ZeroPage = std::array<std::byte, kZeroPageSize>;

struct ZeroPageContents {
    std::span<const std::byte> header;  // from a bzImage, from 0x1f1 on; empty for a vmlinux, which has none
    Gpa command_line;
    std::optional<Gpa> initrd;
    std::uint64_t initrd_size = 0;
    std::optional<Gpa> rsdp;
    std::vector<MemoryMapEntry> memory;  // at most 128 are passed on
    bool moved = false;  // KASLR has moved the kernel, which then randomises its memory map, too
};

ZeroPage make_zero_page(const ZeroPageContents& contents);

}  // namespace ringside::boot::linux_boot
