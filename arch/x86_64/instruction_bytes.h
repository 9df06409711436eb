// Whole instructions as bytes, for code that is made at run time (SDM volume 2).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace ringside::x86::code {

template <typename... Byte>
constexpr std::array<std::byte, sizeof...(Byte)> bytes(Byte... value) {
    return {std::byte{static_cast<std::uint8_t>(value)}...};
}

// One instruction after the other.
template <std::size_t... Size>
constexpr std::array<std::byte, (Size + ...)> sequence(const std::array<std::byte, Size>&... parts) {
    std::array<std::byte, (Size + ...)> all{};
    auto end = all.begin();
    ((end = std::ranges::copy(parts, end).out), ...);
    return all;
}

// An opcode with a 32-bit immediate or displacement behind it.
template <typename... Byte>
constexpr std::array<std::byte, sizeof...(Byte) + 4> with_32_bits(std::uint32_t value, Byte... opcode) {
    return sequence(bytes(opcode...),
                    bytes(value & 0xff, value >> 8 & 0xff, value >> 16 & 0xff, value >> 24));
}

inline constexpr auto kNop = bytes(0x90);
inline constexpr auto kHlt = bytes(0xf4);
inline constexpr auto kInt3 = bytes(0xcc);
inline constexpr auto kCpuid = bytes(0x0f, 0xa2);
inline constexpr auto kRdmsr = bytes(0x0f, 0x32);
inline constexpr auto kMovRaxToDr7 = bytes(0x0f, 0x23, 0xf8);

constexpr auto mov_to_eax(std::uint32_t value) {
    return with_32_bits(value, 0xb8);
}
constexpr auto mov_to_ecx(std::uint32_t value) {
    return with_32_bits(value, 0xb9);
}
// EAX to an absolute address: in 64-bit code the MOV with ModRM and SIB, in 32-bit code the one with a moffs32.
constexpr auto store_eax_64(std::uint32_t address) {
    return with_32_bits(address, 0x89, 0x04, 0x25);
}
constexpr auto store_eax_32(std::uint32_t address) {
    return with_32_bits(address, 0xa3);
}
constexpr auto out_al(std::uint8_t port) {
    return bytes(0xe6, port);
}

}  // namespace ringside::x86::code
