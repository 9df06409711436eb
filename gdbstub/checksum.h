// The protocol's checksum: the sum of a frame's bytes, modulo 256.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace ringside::gdbstub {

// Sums eight bytes at a time: the even and the odd ones of a word are added as four 16-bit lanes each, which
// hold 256 additions before one could carry into the next.
inline std::uint8_t checksum(std::string_view text) {
    constexpr std::uint64_t kEvenBytes = 0x00ff00ff00ff00ff;
    constexpr std::size_t kWordsPerBlock = 128;  // two additions a word
    std::uint64_t sum = 0;
    const char* p = text.data();
    std::size_t words = text.size() / 8;
    while (words != 0) {
        const std::size_t block = words < kWordsPerBlock ? words : kWordsPerBlock;
        std::uint64_t lanes = 0;
        for (std::size_t i = 0; i < block; ++i, p += 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, p, 8);
            lanes += (word & kEvenBytes) + ((word >> 8) & kEvenBytes);
        }
        sum += (lanes & 0xffff) + ((lanes >> 16) & 0xffff) + ((lanes >> 32) & 0xffff) + (lanes >> 48);
        words -= block;
    }
    for (std::size_t i = 0; i < text.size() % 8; ++i)
        sum += static_cast<unsigned char>(p[i]);
    return static_cast<std::uint8_t>(sum);
}

}  // namespace ringside::gdbstub
