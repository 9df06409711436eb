#include "vmm/boot/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "vmm/boot/loaders.h"
#include "vmm/boot/memory_map.h"
#include "vmm/machine/layout.h"

namespace ringside::boot {

namespace {

constexpr std::uint64_t mib_rounded_up(std::uint64_t bytes) {
    return bytes / layout::kMiB + (bytes % layout::kMiB != 0 ? 1 : 0);
}

std::string range_text(Gpa start, std::uint64_t size) {
    return fmt::format("[{:#x}, {:#x})", start.value, start.value + size);
}

// The value of -m with which [.., end) would be RAM, if there is one.
std::string memory_advice(std::uint64_t end) {
    if (end <= layout::kHole.value)
        return fmt::format("Give the guest more memory: -m {}M", mib_rounded_up(end));
    return "Link it lower: RAM ends at 3 GiB and continues at 4 GiB";
}

std::string ram_text(const machine::GuestMemory& memory) {
    const std::uint64_t size = memory.ram_size();
    return size % layout::kMiB == 0 ? fmt::format("{} MiB", size / layout::kMiB)
                                    : fmt::format("{} KiB", size / layout::kKiB);
}

std::string segment_name(const ElfSegment& segment) {
    return fmt::format("segment {}", segment.index);
}

Result<void> check_reserved(const ElfSegment& segment, std::span<const Reservation> reserved) {
    for (const Reservation& other : reserved) {
        if (segment.physical < other.start + other.size &&
            other.start < segment.physical + segment.memory_size)
            return reject(fmt::format("{} {} overlaps the {} at {}", segment_name(segment),
                                      range_text(segment.physical, segment.memory_size), other.what,
                                      range_text(other.start, other.size)),
                          "Link it at 1 MiB or above");
    }
    return {};
}

}  // namespace

Result<std::span<std::byte>> claim(const machine::GuestMemory& memory, const std::string& what, Gpa start,
                                   std::uint64_t size) {
    if (size > std::numeric_limits<std::uint64_t>::max() - start.value)
        return reject(fmt::format("{} at {:#x} of {:#x} bytes wraps around the address space", what,
                                  start.value, size));
    const std::span<std::byte> bytes = memory.span(start, size);
    if (bytes.size() != size)
        return reject(fmt::format("{} {} lies outside the guest's RAM of {}", what, range_text(start, size),
                                  ram_text(memory)),
                      memory_advice(start.value + size));
    return bytes;
}

Result<void> place_segments(const ElfImage& image, std::span<const std::byte> file,
                            std::span<const Reservation> reserved, const machine::GuestMemory& memory) {
    for (const ElfSegment& segment : image.segments) {
        (void)TRY(claim(memory, segment_name(segment), segment.physical, segment.memory_size));
        TRY(check_reserved(segment, reserved));
    }
    for (const ElfSegment& segment : image.segments) {
        const std::span<std::byte> bytes = memory.span(segment.physical, segment.memory_size);
        const auto contents = file.subspan(segment.file_offset, segment.file_size);
        const auto rest = std::copy(contents.begin(), contents.end(), bytes.begin());
        std::fill(rest, bytes.end(), std::byte{0});
    }
    return {};
}

Result<Gpa> find_initrd_place(std::uint64_t size, Gpa above, Gpa below, const machine::GuestMemory& memory,
                              std::uint64_t kept) {
    // Only below the hole: every protocol has a 32-bit field for the address.
    const std::uint64_t ram = end_of_low_ram(memory).value;
    const Gpa top = std::min(Gpa{ram - std::min(ram, kept)}, below);
    const Gpa bottom = std::max(above, layout::kHighMemory);
    const std::string advice = memory_advice(bottom.value + size + kept + layout::kPage);
    if (top <= bottom || size > top - bottom)
        return reject(
            fmt::format("the initrd of {} bytes does not fit between the kernel's end at {:#x} and {:#x}",
                        size, bottom.value, top.value),
            advice);
    const Gpa start{(top.value - size) & ~(layout::kPage - 1)};
    if (start < bottom)
        return reject(
            fmt::format("the initrd of {} bytes does not fit in whole pages above {:#x}", size, bottom.value),
            advice);
    return start;
}

Result<Gpa> place_initrd(std::span<const std::byte> initrd, Gpa above, Gpa below,
                         const machine::GuestMemory& memory) {
    auto start = find_initrd_place(initrd.size(), above, below, memory);
    if (!start)
        return start;
    const auto bytes = TRY(claim(memory, "the initrd", *start, initrd.size()));
    std::copy(initrd.begin(), initrd.end(), bytes.begin());
    return *start;
}

}  // namespace ringside::boot
