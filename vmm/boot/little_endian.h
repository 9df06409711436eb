// Reads unaligned little-endian integers from untrusted bytes, and writes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace ringside::boot {

// The value at `offset`, or nullopt if it does not lie entirely inside.
template <typename T>
std::optional<T> read_at(std::span<const std::byte> bytes, std::uint64_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T))
        return std::nullopt;
    T value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);  // the host is little-endian too
    return value;
}

// The caller guarantees that the value lies inside.
template <typename T>
requires std::is_trivially_copyable_v<T>
void write_at(std::span<std::byte> bytes, std::uint64_t offset, const T& value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

template <typename T>
requires std::is_trivially_copyable_v<T>
void append(std::vector<std::byte>& bytes, const T& value) {
    const auto view = std::as_bytes(std::span(&value, 1));
    bytes.insert(bytes.end(), view.begin(), view.end());
}

template <typename T>
std::vector<std::byte> bytes_of(const T& value) {
    std::vector<std::byte> bytes;
    append(bytes, value);
    return bytes;
}

}  // namespace ringside::boot
