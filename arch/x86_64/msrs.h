// Indices of model-specific registers (SDM volume 4, 2.1).
#pragma once

#include <cstdint>

namespace ringside::x86::msr {

inline constexpr std::uint32_t kTsc = 0x10;
inline constexpr std::uint32_t kSysenterCs = 0x174;
inline constexpr std::uint32_t kSysenterEsp = 0x175;
inline constexpr std::uint32_t kSysenterEip = 0x176;
inline constexpr std::uint32_t kMiscEnable = 0x1a0;
inline constexpr std::uint32_t kPat = 0x277;
inline constexpr std::uint32_t kMtrrDefType = 0x2ff;
inline constexpr std::uint32_t kTscDeadline = 0x6e0;
inline constexpr std::uint32_t kStar = 0xc0000081;
inline constexpr std::uint32_t kLstar = 0xc0000082;
inline constexpr std::uint32_t kCstar = 0xc0000083;
inline constexpr std::uint32_t kFmask = 0xc0000084;
inline constexpr std::uint32_t kKernelGsBase = 0xc0000102;

}  // namespace ringside::x86::msr
