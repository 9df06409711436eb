#include "arch/x86_64/debug_registers.h"

#include <algorithm>
#include <limits>

namespace ringside::x86 {

namespace {

// DR7's LENn encoding (SDM volume 3, 17.2.4): 8 bytes came last and took the free code.
constexpr std::optional<std::uint64_t> encode_length(unsigned length) {
    switch (length) {
        case 1:
            return 0;
        case 2:
            return 1;
        case 4:
            return 3;
        case 8:
            return 2;
        default:
            return std::nullopt;
    }
}

constexpr std::array<unsigned, 4> kLengths{1, 2, 8, 4};

constexpr unsigned fields_shift(unsigned slot) {
    return 16 + 4 * slot;
}

bool is_valid_length(DebugCondition condition, unsigned length) {
    if (!encode_length(length))
        return false;
    if (condition == DebugCondition::Execute)
        return length == 1;
    return condition != DebugCondition::Io || length <= 4;
}

}  // namespace

bool is_valid_slot(DebugCondition condition, Gva address, unsigned length) {
    return is_valid_length(condition, length) && (address.value & (length - 1)) == 0;
}

bool Dr7::enable(unsigned slot, DebugCondition condition, unsigned length) {
    if (slot >= kDebugSlots || !is_valid_length(condition, length))
        return false;
    disable(slot);
    const std::uint64_t fields = static_cast<std::uint64_t>(condition) | (*encode_length(length) << 2);
    raw_ |= fields << fields_shift(slot);
    raw_ |= std::uint64_t{2} << (2 * slot);
    return true;
}

void Dr7::disable(unsigned slot) {
    if (slot >= kDebugSlots)
        return;
    raw_ &= ~(std::uint64_t{0xf} << fields_shift(slot));
    raw_ &= ~(std::uint64_t{3} << (2 * slot));
}

bool Dr7::enabled(unsigned slot) const {
    return slot < kDebugSlots && ((raw_ >> (2 * slot)) & 3) != 0;
}

DebugCondition Dr7::condition(unsigned slot) const {
    if (slot >= kDebugSlots)
        return DebugCondition::Execute;
    return static_cast<DebugCondition>((raw_ >> fields_shift(slot)) & 3);
}

unsigned Dr7::length(unsigned slot) const {
    return slot < kDebugSlots ? kLengths[(raw_ >> (fields_shift(slot) + 2)) & 3] : 1;
}

unsigned Dr6::hits(Dr7 dr7) const {
    unsigned mask = 0;
    for (unsigned slot = 0; slot < kDebugSlots; ++slot) {
        if (slot_condition(slot) && dr7.enabled(slot))
            mask |= 1u << slot;
    }
    return mask;
}

bool WatchChunks::push(WatchChunk chunk) {
    if (count_ == chunks_.size())
        return false;
    chunks_[count_++] = chunk;
    return true;
}

std::optional<WatchChunks> split_watch_range(Gva address, std::uint64_t size, unsigned largest) {
    if (size == 0 || address.value > std::numeric_limits<std::uint64_t>::max() - (size - 1))
        return std::nullopt;
    WatchChunks result;
    while (size != 0) {
        unsigned length = largest;
        while (length > size || (address.value & (length - 1)) != 0)
            length /= 2;
        if (!result.push({address, length}))
            return std::nullopt;
        address.value += length;
        size -= length;
    }
    return result;
}

}  // namespace ringside::x86
