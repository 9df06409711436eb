#include "vmm/exits/record/exit_table.h"

#include <algorithm>

#include "vmm/exits/record/hash.h"

namespace ringside::exits {
namespace {

constexpr std::size_t kProbes = 16;
// In a slot's `kind`, beside the reason (bits 0-31), the size (32-39) and the direction (40-47).
constexpr std::uint64_t kUsed = std::uint64_t{1} << 63;
constexpr std::uint64_t kAnyAddress = std::uint64_t{1} << 62;

std::uint64_t kind_of(const ExitRecord& exit) {
    return kUsed | std::uint64_t{exit.reason} | std::uint64_t{exit.size} << 32 |
           std::uint64_t{static_cast<std::uint8_t>(exit.direction)} << 40;
}

ExitKey key_of(std::uint64_t kind, std::uint64_t address) {
    ExitKey key;
    key.reason = static_cast<std::uint32_t>(kind);
    key.size = static_cast<std::uint8_t>(kind >> 32);
    key.direction = static_cast<Direction>(kind >> 40 & 0xff);
    key.any_address = (kind & kAnyAddress) != 0;
    key.address = address;
    return key;
}

// Clocks of two sockets can disagree by a little: a duration is never negative.
std::uint64_t elapsed(std::uint64_t from, std::uint64_t to) {
    return to > from ? to - from : 0;
}

}  // namespace

void ExitTable::LiveHistogram::add(std::uint64_t ticks) noexcept {
    buckets[histogram_bucket(ticks)].add(1);
    total.add(ticks);
    if (ticks > maximum.own())
        maximum.set(ticks);
}

void ExitTable::LiveHistogram::clear() noexcept {
    for (Counter& bucket : buckets)
        bucket.set(0);
    total.set(0);
    maximum.set(0);
}

Histogram ExitTable::LiveHistogram::read() const {
    Histogram histogram;
    for (std::size_t i = 0; i < kHistogramBuckets; ++i)
        histogram.buckets[i] = buckets[i].get();
    histogram.total = total.get();
    histogram.maximum = maximum.get();
    return histogram;
}

ExitTable::Slot* ExitTable::find(std::size_t first, std::size_t size, std::uint64_t kind,
                                 std::uint64_t address) noexcept {
    std::size_t index = mix(kind ^ mix(address)) % size;
    for (std::size_t probe = 0; probe < kProbes; ++probe) {
        Slot& slot = slots_[first + index];
        const std::uint64_t present = slot.kind.own();
        if (present == kind && slot.address.own() == address)
            return &slot;
        if (present == 0) {
            // Readers see by `kind` that a slot is used, so it is written last.
            slot.address.set(address);
            slot.kind.set(kind);
            return &slot;
        }
        index = index + 1 == size ? 0 : index + 1;
    }
    return nullptr;
}

void ExitTable::count(const ExitRecord& exit) noexcept {
    const std::uint64_t kind = kind_of(exit);
    Slot* slot = find(0, kExact, kind, exit.address);
    if (slot == nullptr) {
        slot = find(kExact, kMerged, kind | kAnyAddress, 0);
        if (slot == nullptr) {
            unclassified_.add(1);
            return;
        }
        merged_.add(1);
    }
    slot->count.add(1);
    slot->accesses.add(exit.count);
    slot->run.add(elapsed(exit.entered, exit.exited));
    slot->handler.add(elapsed(exit.exited, exit.handled));
}

void ExitTable::clear() noexcept {
    merged_.set(0);
    unclassified_.set(0);
    for (Slot& slot : slots_) {
        if (slot.kind.own() == 0)
            continue;
        slot.kind.set(0);
        slot.count.set(0);
        slot.accesses.set(0);
        slot.run.clear();
        slot.handler.clear();
    }
}

void ExitTable::read(VcpuStatistics& statistics) const {
    statistics.merged = merged_.get();
    statistics.unclassified = unclassified_.get();
    for (const Slot& slot : slots_) {
        const std::uint64_t kind = slot.kind.get();
        if (kind == 0)
            continue;
        const std::uint64_t count = slot.count.get();
        if (count != 0)  // otherwise claimed at this moment
            statistics.keys.push_back({key_of(kind, slot.address.get()), count, slot.accesses.get(),
                                       slot.run.read(), slot.handler.read()});
    }
    std::sort(statistics.keys.begin(), statistics.keys.end(),
              [](const KeyStatistics& a, const KeyStatistics& b) { return a.key < b.key; });
}

}  // namespace ringside::exits
