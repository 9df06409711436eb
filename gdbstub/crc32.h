// The CRC of qCRC, which gdb computes over its own copy of a section for `compare-sections`: polynomial
// 0x04c11db7, most significant bit first, begun with all ones, not inverted at the end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ringside::gdbstub {

class Crc32 {
  public:
    void add(std::span<const std::byte> bytes) {
        for (const std::byte byte : bytes)
            value_ = (value_ << 8) ^ kTable[(value_ >> 24) ^ std::to_integer<std::uint32_t>(byte)];
    }
    std::uint32_t value() const { return value_; }

  private:
    static constexpr auto kTable = [] {
        constexpr std::uint32_t kPolynomial = 0x04c11db7;
        std::array<std::uint32_t, 256> table{};
        for (std::uint32_t i = 0; i < table.size(); ++i) {
            std::uint32_t c = i << 24;
            for (int bit = 0; bit < 8; ++bit)
                c = (c & 0x80000000) != 0 ? (c << 1) ^ kPolynomial : c << 1;
            table[i] = c;
        }
        return table;
    }();

    std::uint32_t value_ = 0xffffffff;
};

}  // namespace ringside::gdbstub
