#include "vmm/snapshot/memory_copy.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "vmm/machine/dirty_pages.h"

namespace ringside::snapshot {

using machine::kPageSize;

namespace {

bool is_used(const std::byte* page) {
    static constexpr std::array<std::byte, kPageSize> kZero{};
    return std::memcmp(page, kZero.data(), kPageSize) != 0;
}

}  // namespace

Result<MemoryCopy> MemoryCopy::empty(const machine::GuestMemory& memory) {
    MemoryCopy copy;
    for (const machine::MemoryRegion& region : memory.regions()) {
        if (region.read_only())
            continue;
        auto own = TRY(machine::MemoryRegion::allocate(region.start(), region.size()));
        copy.regions_.push_back(std::move(own));
    }
    return copy;
}

Result<MemoryCopy> MemoryCopy::of(const machine::GuestMemory& memory) {
    auto copy = TRY(empty(memory));
    for (const machine::MemoryRegion& own : copy.regions_) {
        const std::byte* theirs = memory.span(own.start(), own.size()).data();
        for (std::uint64_t at = 0; at < own.size(); at += kPageSize) {
            if (is_used(theirs + at))
                copy.set_page(own.start() + at, {theirs + at, kPageSize});
        }
    }
    return copy;
}

std::span<std::byte> MemoryCopy::at(Gpa gpa, std::size_t size) const {
    for (const machine::MemoryRegion& region : regions_) {
        if (gpa >= region.start() && gpa < region.end() && size <= region.end() - gpa)
            return {region.host() + (gpa - region.start()), size};
    }
    return {};
}

void MemoryCopy::set_page(Gpa page, std::span<const std::byte> bytes) {
    std::ranges::copy(bytes, at(page, kPageSize).begin());
    ++pages_used_;
}

void MemoryCopy::for_each_used_page(const std::function<void(Gpa, std::span<const std::byte>)>& each) const {
    for (const machine::MemoryRegion& own : regions_) {
        for (std::uint64_t at = 0; at < own.size(); at += kPageSize) {
            if (is_used(own.host() + at))
                each(own.start() + at, {own.host() + at, kPageSize});
        }
    }
}

void MemoryCopy::for_each_difference(const machine::GuestMemory& memory,
                                     const std::function<void(Gpa, std::span<const std::byte>)>& each) const {
    for (const machine::MemoryRegion& own : regions_) {
        const std::byte* theirs = memory.span(own.start(), own.size()).data();
        for (std::uint64_t at = 0; at < own.size(); at += kPageSize) {
            if (std::memcmp(theirs + at, own.host() + at, kPageSize) != 0)
                each(own.start() + at, {own.host() + at, kPageSize});
        }
    }
}

}  // namespace ringside::snapshot
