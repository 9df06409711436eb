#include "vmm/history/memory_shadow.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "vmm/machine/dirty_pages.h"

namespace ringside::history {

using machine::kPageSize;

Result<MemoryShadow> MemoryShadow::create(const machine::GuestMemory& memory) {
    static constexpr std::array<std::byte, kPageSize> kZero{};
    MemoryShadow shadow(memory);
    for (const machine::MemoryRegion& region : memory.regions()) {
        if (region.read_only())
            continue;
        auto copy = TRY(machine::MemoryRegion::allocate(region.start(), region.size()));
        for (std::uint64_t at = 0; at < region.size(); at += kPageSize) {
            const std::byte* page = region.host() + at;
            if (std::memcmp(page, kZero.data(), kPageSize) != 0)
                std::memcpy(copy.host() + at, page, kPageSize);
        }
        shadow.copies_.push_back(std::move(copy));
    }
    return shadow;
}

std::span<std::byte> MemoryShadow::copy_of(Gpa gpa, std::size_t size) {
    for (const machine::MemoryRegion& region : copies_) {
        if (gpa >= region.start() && gpa < region.end())
            return {region.host() + (gpa - region.start()), size};
    }
    return {};
}

void MemoryShadow::compare(Gpa page, DeltaWriter& out) {
    const auto before = copy_of(page, kPageSize);
    if (!before.empty())
        out.memory(page, before, memory_->span(page, kPageSize));
}

bool MemoryShadow::differs(Gpa page) {
    const auto before = copy_of(page, kPageSize);
    return !before.empty() && !std::ranges::equal(before, memory_->span(page, kPageSize));
}

void MemoryShadow::apply(const Delta& delta) {
    delta.for_each_run([this](Gpa gpa, std::span<const std::byte> bits) {
        const auto copy = copy_of(gpa, bits.size());
        for (std::size_t i = 0; i < bits.size(); ++i)
            copy[i] ^= bits[i];
        std::ranges::copy(copy, memory_->span(gpa, bits.size()).begin());
    });
}

}  // namespace ringside::history
