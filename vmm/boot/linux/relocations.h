// The relocations that Linux's build appends to the vmlinux inside a bzImage (arch/x86/tools/relocs.c): with
// them a kernel can be moved in its virtual address space, as its own decompressor does for KASLR. Each is
// the 32-bit address, to be sign-extended, of a word to which the slide must be added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/ids.h"
#include "vmm/boot/elf_image.h"

namespace ringside::boot::linux_boot {

// Kernel text and data are mapped in the last 2 GiB. Its start corresponds to physical address 0.
inline constexpr std::uint64_t kKernelMap = 0xffffffff80000000;
// How much of it a kernel that can be moved uses (KERNEL_IMAGE_SIZE); modules follow.
inline constexpr std::uint64_t kKernelMapSize = std::uint64_t{1} << 30;

struct Relocations {
    std::vector<std::uint32_t> words64;    // 64-bit words, to which the slide is added
    std::vector<std::uint32_t> inverse32;  // 32-bit words relative to per-CPU data, which stays: subtracted
    std::vector<std::uint32_t> words32;    // 32-bit words, to which the slide is added
    bool empty() const { return words64.empty() && inverse32.empty() && words32.empty(); }
};

// Reads the relocations after the end of the ELF file proper. Returns an empty result if there are none or
// they are not valid; such a kernel is not moved. (Each list is preceded by a zero word, so the last word of
// the file belongs to the 32-bit list. Kernels from 6.15 on have no inverse list.)
Relocations find_relocations(std::span<const std::byte> vmlinux);

// Applies `slide` to every word in a kernel that has been placed at [image.start(), image.end()) in `bytes`.
// Fails and changes nothing if a word lies outside.
Result<void> apply_relocations(const Relocations& relocations, std::uint64_t slide, Gpa start,
                               std::span<std::byte> bytes);

// The largest slide of a kernel; valid slides are multiples of `alignment` from 0 on. `end` is the end of its
// physical image, `init_size` is relative to `start`.
std::uint64_t greatest_slide(Gpa start, std::uint64_t init_size, std::uint64_t alignment);

}  // namespace ringside::boot::linux_boot
