#include "vmm/exits/recent_exits.h"

#include <algorithm>

namespace ringside::exits {
namespace {

using Words = std::array<std::uint64_t, 7>;

// Reason, count, size and direction share a word.
Words pack(const ExitRecord& exit) {
    const std::uint64_t kind = std::uint64_t{exit.reason} | std::uint64_t{exit.count} << 32 |
                               std::uint64_t{exit.size} << 48 |
                               std::uint64_t{static_cast<std::uint8_t>(exit.direction)} << 56;
    return {exit.entered, exit.exited, exit.handled, exit.rip, kind, exit.address, exit.value};
}

ExitRecord unpack(const Words& words) {
    ExitRecord exit;
    exit.entered = words[0];
    exit.exited = words[1];
    exit.handled = words[2];
    exit.rip = words[3];
    exit.reason = static_cast<std::uint32_t>(words[4]);
    exit.count = static_cast<std::uint16_t>(words[4] >> 32);
    exit.size = static_cast<std::uint8_t>(words[4] >> 48);
    exit.direction = static_cast<Direction>(words[4] >> 56);
    exit.address = words[5];
    exit.value = words[6];
    return exit;
}

}  // namespace

void RecentExits::push(const ExitRecord& exit) noexcept {
    const std::uint64_t position = end_.own();
    Entry& entry = entries_[position % kCapacity];
    const Words words = pack(exit);
    entry.sequence.set(2 * position + 1);
    for (std::size_t i = 0; i < words.size(); ++i)
        entry.words[i].set(words[i]);
    entry.sequence.set(2 * position + 2);
    end_.set(position + 1);
}

std::vector<ExitRecord> RecentExits::read(std::size_t limit) const {
    const std::uint64_t end = end_.get();
    const std::uint64_t available = std::min<std::uint64_t>(end - std::min(begin_.get(), end), kCapacity);
    const std::uint64_t wanted = std::min<std::uint64_t>(available, limit);

    std::vector<ExitRecord> exits;
    exits.reserve(wanted);
    for (std::uint64_t position = end - wanted; position != end; ++position) {
        const Entry& entry = entries_[position % kCapacity];
        const std::uint64_t complete = 2 * position + 2;
        if (entry.sequence.get() != complete)
            continue;
        Words words{};
        for (std::size_t i = 0; i < words.size(); ++i)
            words[i] = entry.words[i].get();
        if (entry.sequence.get() == complete)
            exits.push_back(unpack(words));
    }
    return exits;
}

}  // namespace ringside::exits
