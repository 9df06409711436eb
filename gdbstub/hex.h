// Hexadecimal as the protocol writes it: two lower-case digits a byte, in memory order. Both cases are read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringside::gdbstub {

inline constexpr char kHexDigits[] = "0123456789abcdef";

// The two digits of every byte value, in memory order: one 16-bit store writes a byte.
inline constexpr auto kHexPairs = [] {
    std::array<std::array<char, 2>, 256> pairs{};
    for (std::size_t i = 0; i < pairs.size(); ++i)
        pairs[i] = {kHexDigits[i >> 4], kHexDigits[i & 15]};
    return pairs;
}();

// The value of each character as a digit, or -1.
inline constexpr auto kHexValues = [] {
    std::array<std::int8_t, 256> values{};
    for (auto& value : values)
        value = -1;
    for (std::size_t i = 0; i < 16; ++i)
        values[static_cast<unsigned char>(kHexDigits[i])] = static_cast<std::int8_t>(i);
    for (std::size_t i = 10; i < 16; ++i)
        values[static_cast<unsigned char>('A' + static_cast<char>(i - 10))] = static_cast<std::int8_t>(i);
    return values;
}();

inline int hex_value(char digit) {
    return kHexValues[static_cast<unsigned char>(digit)];
}

// Writes 2 * bytes.size() characters at `out`.
inline void encode_hex(std::span<const std::byte> bytes, char* out) {
    for (const std::byte byte : bytes) {
        std::memcpy(out, kHexPairs[std::to_integer<std::size_t>(byte)].data(), 2);
        out += 2;
    }
}

inline std::string to_hex(std::string_view text) {
    std::string hex(text.size() * 2, '0');
    encode_hex(std::as_bytes(std::span(text)), hex.data());
    return hex;
}

// Appends the bytes to `out`; returns false, with `out` in any state, if the digits are odd in number or not digits.
inline bool decode_hex(std::string_view digits, std::vector<std::byte>& out) {
    if (digits.size() % 2 != 0)
        return false;
    const std::size_t old_size = out.size();
    out.resize(old_size + digits.size() / 2);
    int valid = 0;  // stays non-negative while every digit is one
    for (std::size_t i = 0; i < digits.size() / 2; ++i) {
        const int high = hex_value(digits[2 * i]);
        const int low = hex_value(digits[2 * i + 1]);
        valid |= high | low;
        out[old_size + i] = static_cast<std::byte>(((high & 15) << 4) | (low & 15));
    }
    return valid >= 0;
}

}  // namespace ringside::gdbstub
