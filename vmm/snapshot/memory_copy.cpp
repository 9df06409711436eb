#include "vmm/snapshot/memory_copy.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "vmm/machine/dirty_pages.h"
#include "vmm/machine/populated_pages.h"

namespace ringside::snapshot {

using machine::kPageSize;
using machine::PopulatedPages;

namespace {

bool is_used(const std::byte* page) {
    static constexpr std::array<std::byte, kPageSize> kZero{};
    return std::memcmp(page, kZero.data(), kPageSize) != 0;
}

// Each page that can be other than zero.
template <typename Each>
void for_each_page(const machine::MemoryRegion& region, Each each) {
    const PopulatedPages populated(region);
    for (auto run = populated.next(0); run; run = populated.next(run->end)) {
        for (std::uint64_t at = run->start; at < run->end; at += kPageSize)
            each(at);
    }
}

// Where the first of two runs begins, if there is one.
std::optional<std::uint64_t> earlier(const std::optional<PopulatedPages::Run>& a,
                                     const std::optional<PopulatedPages::Run>& b) {
    if (!a || !b)
        return a ? std::optional(a->start) : b ? std::optional(b->start) : std::nullopt;
    return std::min(a->start, b->start);
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
    for (const machine::MemoryRegion& theirs : memory.regions()) {
        if (theirs.read_only())
            continue;
        for_each_page(theirs, [&](std::uint64_t at) {
            if (is_used(theirs.host() + at))
                copy.set_page(theirs.start() + at, {theirs.host() + at, kPageSize});
        });
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
        for_each_page(own, [&](std::uint64_t at) {
            if (is_used(own.host() + at))
                each(own.start() + at, {own.host() + at, kPageSize});
        });
    }
}

void MemoryCopy::for_each_difference(const machine::GuestMemory& memory,
                                     const std::function<void(Gpa, std::span<const std::byte>)>& each) const {
    for (const machine::MemoryRegion& own : regions_) {
        const auto theirs = std::ranges::find(memory.regions(), own.start(), &machine::MemoryRegion::start);
        const PopulatedPages here(own), there(*theirs);
        std::uint64_t at = 0;
        while (const auto next = earlier(here.next(at), there.next(at))) {
            at = *next;
            if (std::memcmp(theirs->host() + at, own.host() + at, kPageSize) != 0)
                each(own.start() + at, {own.host() + at, kPageSize});
            at += kPageSize;
        }
    }
}

}  // namespace ringside::snapshot
