#include "vmm/machine/memory_slots.h"

#include <utility>

#include "vmm/machine/layout.h"

namespace ringside::machine {

std::vector<MemorySlot> memory_slots(std::span<const MemoryRegion> regions,
                                     std::span<const ApartPage> apart) {
    std::vector<MemorySlot> slots;
    for (const MemoryRegion& region : regions) {
        Gpa start = region.start();
        const auto add_up_to = [&](Gpa end) {
            if (start < end)
                slots.push_back(
                    {start, end - start, region.host() + (start - region.start()), region.read_only()});
        };
        for (const ApartPage& page : apart) {
            if (page.gpa < region.start() || page.gpa >= region.end())
                continue;
            add_up_to(page.gpa);
            slots.push_back({page.gpa, layout::kPage, page.host, region.read_only()});
            start = page.gpa + layout::kPage;
        }
        add_up_to(region.end());
    }
    return slots;
}

Result<void> MemorySlots::put(std::size_t number) const {
    const MemorySlot& slot = slots_[number];
    const std::uint32_t flags = slot.read_only ? KVM_MEM_READONLY : (logging_ ? KVM_MEM_LOG_DIRTY_PAGES : 0);
    return vm_.set_memory(static_cast<std::uint32_t>(number), slot.start, slot.size, slot.host, flags);
}

Result<void> MemorySlots::create() const {
    for (std::size_t i = 0; i < slots_.size(); ++i)
        TRY(put(i));
    return {};
}

void MemorySlots::start_anew() {
    slots_ = memory_slots(memory_.regions(), {});
    logging_ = false;
}

Result<void> MemorySlots::log(bool on) {
    const bool before = std::exchange(logging_, on);
    if (auto set = create(); !set) {
        logging_ = before;
        return set;
    }
    return {};
}

Result<void> MemorySlots::remove() const {
    for (std::size_t i = 0; i < slots_.size(); ++i)
        TRY(vm_.set_memory(static_cast<std::uint32_t>(i), slots_[i].start, 0, slots_[i].host, 0));
    return {};
}

Result<void> MemorySlots::renew() const {
    TRY(remove());
    return create();
}

Result<void> MemorySlots::set_apart(std::span<const ApartPage> pages) {
    auto wanted = memory_slots(memory_.regions(), pages);
    TRY(remove());
    std::swap(slots_, wanted);
    auto made = create();
    if (!made) {
        (void)remove();
        std::swap(slots_, wanted);
        TRY(create());
    }
    return made;
}

}  // namespace ringside::machine
