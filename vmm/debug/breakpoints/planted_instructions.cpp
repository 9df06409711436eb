#include "vmm/debug/breakpoints/planted_instructions.h"

#include <algorithm>

#include "vmm/debug/breakpoints/real_mode_limit.h"

namespace ringside::debug {

x86::TrapInstruction PlantedInstructions::plant(Gpa gpa, x86::TrapInstruction trap, bool without_paging) {
    const std::scoped_lock lock(mutex_);
    Planted& planted = planted_[gpa];
    if (planted.users++ != 0)
        return planted.trap;
    planted.original = byte_at(gpa);
    planted.trap = trap;
    planted.without_paging = without_paging;
    byte_at(gpa) = opcode(trap);
    return trap;
}

void PlantedInstructions::unplant(Gpa gpa) {
    const std::scoped_lock lock(mutex_);
    const auto it = planted_.find(gpa);
    if (it == planted_.end() || --it->second.users != 0)
        return;
    // If the guest has overwritten it, the guest's bytes stay.
    if (byte_at(gpa) == opcode(it->second.trap))
        byte_at(gpa) = it->second.original;
    planted_.erase(it);
}

void PlantedInstructions::lift(Gpa gpa) {
    const std::scoped_lock lock(mutex_);
    Planted& planted = planted_.at(gpa);
    planted.lifted = true;
    if (byte_at(gpa) == opcode(planted.trap))
        byte_at(gpa) = planted.original;
}

void PlantedInstructions::put_back(Gpa gpa) {
    const std::scoped_lock lock(mutex_);
    Planted& planted = planted_.at(gpa);
    planted.lifted = false;
    if (byte_at(gpa) == planted.original)
        byte_at(gpa) = opcode(planted.trap);
}

bool PlantedInstructions::overwritten(Gpa gpa) const {
    const std::scoped_lock lock(mutex_);
    const auto it = planted_.find(gpa);
    return it != planted_.end() && !it->second.lifted && byte_at(gpa) != opcode(it->second.trap);
}

void PlantedInstructions::renew(Gpa gpa) {
    const std::scoped_lock lock(mutex_);
    Planted& planted = planted_.at(gpa);
    planted.original = byte_at(gpa);
    byte_at(gpa) = opcode(planted.trap);
}

void PlantedInstructions::hide(Gpa gpa, std::span<std::byte> bytes) const {
    const std::scoped_lock lock(mutex_);
    for (auto it = planted_.lower_bound(gpa); it != planted_.end() && it->first - gpa < bytes.size(); ++it) {
        std::byte& byte = bytes[it->first - gpa];
        if (byte == opcode(it->second.trap))
            byte = it->second.original;
    }
}

void PlantedInstructions::write(Gpa gpa, std::span<std::byte> place, std::span<const std::byte> data,
                                machine::WrittenBy by) {
    const std::scoped_lock lock(mutex_);
    std::size_t done = 0;
    for (auto it = planted_.lower_bound(gpa); it != planted_.end() && it->first - gpa < data.size(); ++it) {
        const auto at = static_cast<std::size_t>(it->first - gpa);
        std::ranges::copy(data.subspan(done, at - done), place.subspan(done).begin());
        const bool stays = stays_planted(it->second, it->first, place[at], by);
        it->second.original = data[at];
        place[at] = stays ? opcode(it->second.trap) : data[at];
        done = at + 1;
    }
    std::ranges::copy(data.subspan(done), place.subspan(done).begin());
}

bool PlantedInstructions::stays_planted(const Planted& planted, Gpa gpa, std::byte now,
                                        machine::WrittenBy by) {
    if (by == machine::WrittenBy::Client)
        return now == opcode(planted.trap);  // else it is lifted for a moment, or written over by the guest
    return planted.without_paging && !planted.lifted &&
           (by == machine::WrittenBy::Loader || gpa < kRealModeLimit);
}

}  // namespace ringside::debug
