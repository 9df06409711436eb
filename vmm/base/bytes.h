// Unaligned little-endian values in untrusted bytes and in bytes that we produce. The host is little-endian too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace ringside {

// Returns [offset, offset + size) of `bytes`, or nullopt if that is not entirely inside.
inline std::optional<std::span<const std::byte>> slice(std::span<const std::byte> bytes, std::uint64_t offset,
                                                       std::uint64_t size) {
    if (offset > bytes.size() || size > bytes.size() - offset)
        return std::nullopt;
    return bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

// Returns the value at `offset`, or nullopt if it is not entirely inside.
template <typename T>
std::optional<T> load_at(std::span<const std::byte> bytes, std::uint64_t offset) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto source = slice(bytes, offset, sizeof(T));
    if (!source)
        return std::nullopt;
    T value{};
    std::memcpy(&value, source->data(), sizeof value);
    return value;
}

// The caller guarantees that the value fits.
template <typename T>
void store_at(std::span<std::byte> bytes, std::uint64_t offset, const T& value) {
    static_assert(std::has_unique_object_representations_v<T>, "padding would carry garbage");
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

template <typename T>
void append(std::vector<std::byte>& bytes, const T& value) {
    static_assert(std::has_unique_object_representations_v<T>, "padding would carry garbage");
    const auto view = std::as_bytes(std::span(&value, 1));
    bytes.insert(bytes.end(), view.begin(), view.end());
}

template <typename T>
std::vector<std::byte> bytes_of(const T& value) {
    std::vector<std::byte> bytes;
    append(bytes, value);
    return bytes;
}

}  // namespace ringside
