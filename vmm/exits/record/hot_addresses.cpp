#include "vmm/exits/record/hot_addresses.h"

#include <algorithm>

#include "vmm/exits/record/hash.h"

namespace ringside::exits {

void HotAddresses::count(std::uint64_t rip, std::uint32_t reason) noexcept {
    Set& set = sets_[mix(rip) % kSets];
    std::size_t least = 0;
    for (std::size_t way = 0; way < kWays; ++way) {
        const std::uint64_t count = set.counts[way].own();
        if (count != 0 && set.rips[way].own() == rip) {
            set.counts[way].set(count + 1);
            set.reasons[way].set(reason);
            return;
        }
        if (count < set.counts[least].own())
            least = way;
    }
    // A free way has count 0, so a new address then has no overcount.
    const std::uint64_t inherited = set.counts[least].own();
    set.overcounts[least].set(inherited);
    set.reasons[least].set(reason);
    set.rips[least].set(rip);
    set.counts[least].set(inherited + 1);
}

void HotAddresses::clear() noexcept {
    for (Set& set : sets_)
        for (Counter& count : set.counts)
            count.set(0);
}

std::vector<HotAddress> HotAddresses::read() const {
    std::vector<HotAddress> addresses;
    for (const Set& set : sets_)
        for (std::size_t way = 0; way < kWays; ++way) {
            const std::uint64_t count = set.counts[way].get();
            if (count != 0)
                addresses.push_back(
                    {set.rips[way].get(), count, set.overcounts[way].get(), set.reasons[way].get()});
        }
    std::sort(addresses.begin(), addresses.end(), [](const HotAddress& a, const HotAddress& b) {
        return a.count != b.count ? a.count > b.count : a.rip < b.rip;
    });
    return addresses;
}

}  // namespace ringside::exits
