#include "vmm/debug/breakpoints/planted_int3s.h"

#include <algorithm>

#include "arch/x86_64/opcodes.h"
#include "vmm/debug/breakpoints/real_mode_limit.h"

namespace ringside::debug {

using x86::kInt3;

void PlantedInt3s::plant(Gpa gpa, bool without_paging) {
    const std::scoped_lock lock(mutex_);
    Planted& planted = planted_[gpa];
    if (planted.users++ != 0)
        return;
    planted.original = byte_at(gpa);
    planted.without_paging = without_paging;
    byte_at(gpa) = kInt3;
}

void PlantedInt3s::unplant(Gpa gpa) {
    const std::scoped_lock lock(mutex_);
    const auto it = planted_.find(gpa);
    if (it == planted_.end() || --it->second.users != 0)
        return;
    // A guest that has overwritten the int3 keeps what it wrote.
    if (byte_at(gpa) == kInt3)
        byte_at(gpa) = it->second.original;
    planted_.erase(it);
}

void PlantedInt3s::lift(Gpa gpa) {
    const std::scoped_lock lock(mutex_);
    Planted& planted = planted_.at(gpa);
    planted.lifted = true;
    if (byte_at(gpa) == kInt3)
        byte_at(gpa) = planted.original;
}

void PlantedInt3s::put_back(Gpa gpa) {
    const std::scoped_lock lock(mutex_);
    Planted& planted = planted_.at(gpa);
    planted.lifted = false;
    if (byte_at(gpa) == planted.original)
        byte_at(gpa) = kInt3;
}

bool PlantedInt3s::overwritten(Gpa gpa) const {
    const std::scoped_lock lock(mutex_);
    const auto it = planted_.find(gpa);
    return it != planted_.end() && !it->second.lifted && byte_at(gpa) != kInt3;
}

void PlantedInt3s::renew(Gpa gpa) {
    const std::scoped_lock lock(mutex_);
    planted_.at(gpa).original = byte_at(gpa);
    byte_at(gpa) = kInt3;
}

void PlantedInt3s::hide(Gpa gpa, std::span<std::byte> bytes) const {
    const std::scoped_lock lock(mutex_);
    for (auto it = planted_.lower_bound(gpa); it != planted_.end() && it->first - gpa < bytes.size(); ++it) {
        std::byte& byte = bytes[it->first - gpa];
        if (byte == kInt3)
            byte = it->second.original;
    }
}

void PlantedInt3s::write(Gpa gpa, std::span<std::byte> place, std::span<const std::byte> data,
                         machine::WrittenBy by) {
    const std::scoped_lock lock(mutex_);
    std::size_t done = 0;
    for (auto it = planted_.lower_bound(gpa); it != planted_.end() && it->first - gpa < data.size(); ++it) {
        const auto at = static_cast<std::size_t>(it->first - gpa);
        std::ranges::copy(data.subspan(done, at - done), place.subspan(done).begin());
        const bool stays = stays_planted(it->second, it->first, place[at], by);
        it->second.original = data[at];
        place[at] = stays ? kInt3 : data[at];
        done = at + 1;
    }
    std::ranges::copy(data.subspan(done), place.subspan(done).begin());
}

bool PlantedInt3s::stays_planted(const Planted& planted, Gpa gpa, std::byte now, machine::WrittenBy by) {
    if (by == machine::WrittenBy::Client)
        return now == kInt3;  // else it is lifted for a moment, or written over by the guest
    return planted.without_paging && !planted.lifted &&
           (by == machine::WrittenBy::Loader || gpa < kRealModeLimit);
}

}  // namespace ringside::debug
