// Unaligned little-endian integers out of untrusted bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace ringside::boot {

// The value at `offset`, or nothing if it does not lie wholly inside.
template <typename T>
std::optional<T> read_at(std::span<const std::byte> bytes, std::uint64_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T))
        return std::nullopt;
    T value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);  // the host is an x86 too
    return value;
}

}  // namespace ringside::boot
