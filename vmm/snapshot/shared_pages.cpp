#include "vmm/snapshot/shared_pages.h"

#include <algorithm>
#include <cstring>

#include "vmm/snapshot/used_pages.h"

namespace ringside::snapshot {

using machine::kPageSize;

namespace {

bool equal(std::span<const std::byte> a, std::span<const std::byte> b) {
    return std::memcmp(a.data(), b.data(), kPageSize) == 0;
}

}  // namespace

SharedPages::SharedPages(const machine::GuestMemory& memory) {
    for (const machine::MemoryRegion& region : memory.regions()) {
        if (!region.read_only())
            regions_.push_back({region.start(), Pages(region.size() / kPageSize)});
    }
}

SharedPages SharedPages::of(const machine::GuestMemory& memory) {
    SharedPages copy(memory);
    for (const machine::MemoryRegion& region : memory.regions()) {
        if (region.read_only())
            continue;
        for_each_used_page(region, [&](std::uint64_t at) {
            copy.set(region.start() + at, {region.host() + at, kPageSize});
        });
    }
    return copy;
}

SharedPages SharedPages::of(const machine::GuestMemory& memory, const SharedPages& base,
                            const machine::PageSet& changed) {
    SharedPages copy = base;
    base.for_each_difference(memory, changed,
                             [&](Gpa page) { copy.set(page, memory.span(page, kPageSize)); });
    return copy;
}

const std::shared_ptr<const SharedPages::Page>* SharedPages::find(Gpa page) const {
    for (const Region& region : regions_) {
        if (page >= region.start && (page - region.start) / kPageSize < region.pages.size())
            return &region.pages[(page - region.start) / kPageSize];
    }
    return nullptr;
}

std::span<const std::byte> SharedPages::at(Gpa page) const {
    const auto* const found = find(page);
    if (found == nullptr)
        return {};
    return *found == nullptr ? std::span<const std::byte>(kZeroPage) : std::span<const std::byte>(**found);
}

void SharedPages::set(Gpa page, std::span<const std::byte> bytes) {
    auto* const place = const_cast<std::shared_ptr<const Page>*>(find(page));
    if (place == nullptr)
        return;
    used_ -= *place == nullptr ? 0 : 1;
    place->reset();
    if (!is_used(bytes.data()))
        return;
    auto copy = std::make_shared_for_overwrite<Page>();
    std::ranges::copy(bytes, copy->begin());
    *place = std::move(copy);
    ++used_;
}

void SharedPages::for_each_used(const std::function<void(Gpa, std::span<const std::byte>)>& each) const {
    for (const Region& region : regions_) {
        for (std::size_t i = 0; i < region.pages.size(); ++i) {
            if (region.pages[i] != nullptr)
                each(region.start + i * kPageSize, *region.pages[i]);
        }
    }
}

// Memory that was never touched is not read: the host would have to map it.
void SharedPages::for_each_difference(const machine::GuestMemory& memory,
                                      const std::function<void(Gpa)>& each) const {
    for (const Region& own : regions_) {
        const auto& theirs = *std::ranges::find(memory.regions(), own.start, &machine::MemoryRegion::start);
        const machine::PopulatedPages populated(theirs);
        auto run = populated.next(0);
        for (std::size_t i = 0; i < own.pages.size(); ++i) {
            const std::uint64_t at = i * kPageSize;
            while (run && run->end <= at)
                run = populated.next(run->end);
            const bool may_be_zero = own.pages[i] == nullptr;
            if (may_be_zero && (!run || run->start > at))
                continue;
            const auto& page = may_be_zero ? kZeroPage : *own.pages[i];
            if (!equal(page, {theirs.host() + at, kPageSize}))
                each(own.start + at);
        }
    }
}

void SharedPages::for_each_difference(const machine::GuestMemory& memory, const machine::PageSet& among,
                                      const std::function<void(Gpa)>& each) const {
    among.for_each([&](Gpa page) {
        const auto own = at(page);
        if (!own.empty() && !equal(own, memory.span(page, kPageSize)))
            each(page);
    });
}

}  // namespace ringside::snapshot
