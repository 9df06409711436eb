// Reads and writes values in byte strings, with every bound checked. Little-endian, like the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace ringside::exits {

// [offset, offset + size) of `bytes`; nullopt if that is not entirely inside.
inline std::optional<std::span<const std::byte>> slice(std::span<const std::byte> bytes, std::uint64_t offset,
                                                       std::uint64_t size) {
    if (offset > bytes.size() || size > bytes.size() - offset)
        return std::nullopt;
    return bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

template <typename T>
std::optional<T> load_at(std::span<const std::byte> bytes, std::uint64_t offset) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto source = slice(bytes, offset, sizeof(T));
    if (!source)
        return std::nullopt;
    T value;
    std::memcpy(&value, source->data(), sizeof value);
    return value;
}

template <typename T>
void append(std::vector<std::byte>& out, const T& value) {
    static_assert(std::has_unique_object_representations_v<T>, "padding would carry garbage");
    const auto bytes = std::as_bytes(std::span(&value, 1));
    out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace ringside::exits
