// Opcodes that code outside the decoder looks for or writes (SDM volume 2; VMX in volume 3, 31.3; VMRUN in APM volume 3).
#pragma once

#include <array>
#include <cstddef>

namespace ringside::x86 {

inline constexpr std::byte kCallRelative{0xe8};
inline constexpr std::byte kJumpRelative{0xe9};
inline constexpr std::byte kJumpFar{0xea};
inline constexpr std::byte kJumpShort{0xeb};

inline constexpr std::array kIretq{std::byte{0x48}, std::byte{0xcf}};  // REX.W IRET
inline constexpr std::array kVmlaunch{std::byte{0x0f}, std::byte{0x01}, std::byte{0xc2}};
inline constexpr std::array kVmresume{std::byte{0x0f}, std::byte{0x01}, std::byte{0xc3}};
inline constexpr std::array kVmrun{std::byte{0x0f}, std::byte{0x01}, std::byte{0xd8}};
inline constexpr std::array kPause{std::byte{0xf3}, std::byte{0x90}};

// The recommended NOPs of 2 and 5 bytes (SDM volume 2, NOP).
inline constexpr std::array kNop2{std::byte{0x66}, std::byte{0x90}};
inline constexpr std::array kNop5{std::byte{0x0f}, std::byte{0x1f}, std::byte{0x44}, std::byte{0x00},
                                  std::byte{0x00}};

}  // namespace ringside::x86
