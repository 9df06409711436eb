#include "vmm/exits/record/recent_exits.h"

#include <algorithm>

#include "vmm/exits/record/packed_exit.h"

namespace ringside::exits {
void RecentExits::push(const ExitRecord& exit) noexcept {
    const std::uint64_t position = end_.own();
    Entry& entry = entries_[position % kCapacity];
    const PackedExit words = pack(exit);
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
        PackedExit words{};
        for (std::size_t i = 0; i < words.size(); ++i)
            words[i] = entry.words[i].get();
        if (entry.sequence.get() == complete)
            exits.push_back(unpack(words));
    }
    return exits;
}

}  // namespace ringside::exits
