// The relocations that Linux's build appends to the vmlinux inside a bzImage (arch/x86/tools/relocs.c): with
// them a kernel can be moved in its virtual address space, as its own decompressor does for KASLR. All of
// them are 32-bit addresses, to be sign-extended, of places that the move has to be added to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vmm/boot/elf_image.h"
#include "vmm/types.h"

namespace ringside::boot::linux_boot {

// Kernel text and data are mapped in the last 2 GiB; physical address 0 would be at its start.
inline constexpr std::uint64_t kKernelMap = 0xffffffff80000000;
// How much of it a kernel that can be moved uses (KERNEL_IMAGE_SIZE); modules follow.
inline constexpr std::uint64_t kKernelMapSize = std::uint64_t{1} << 30;

struct Relocations {
    std::vector<std::uint32_t> words64;    // 64-bit places, to which the slide is added
    std::vector<std::uint32_t> inverse32;  // 32-bit places relative to per-CPU data, which stays: subtracted
    std::vector<std::uint32_t> words32;    // 32-bit places, to which it is added
    bool empty() const { return words64.empty() && inverse32.empty() && words32.empty(); }
};

// Reads what stands behind the ELF file proper. No relocations, or none that make sense, are none: such a
// kernel is not moved. (Lists end with a zero word each, so that the last word of the file belongs to the
// 32-bit list; kernels from 6.15 on have no inverse list.)
Relocations find_relocations(std::span<const std::byte> vmlinux);

// Adds `slide` at every place, in a kernel that has been placed at [image.start(), image.end()) in `bytes`.
// Fails, with nothing changed, if a place lies outside.
Result<void> apply_relocations(const Relocations& relocations, std::uint64_t slide, Gpa start,
                               std::span<std::byte> bytes);

// The slides that a kernel may get: multiples of `alignment` from 0 to this. `end` is where its physical
// image ends, `init_size` counts from `start`.
std::uint64_t greatest_slide(Gpa start, std::uint64_t init_size, std::uint64_t alignment);

}  // namespace ringside::boot::linux_boot
