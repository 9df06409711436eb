// Indices of model-specific registers (SDM volume 4, 2.1; APM volume 2, appendix A), and bits of some.
#pragma once

#include <cstdint>

namespace ringside::x86::msr {

inline constexpr std::uint32_t kTsc = 0x10;
inline constexpr std::uint32_t kFeatureControl = 0x3a;
inline constexpr std::uint32_t kSpecCtrl = 0x48;
inline constexpr std::uint32_t kSysenterCs = 0x174;
inline constexpr std::uint32_t kSysenterEsp = 0x175;
inline constexpr std::uint32_t kSysenterEip = 0x176;
inline constexpr std::uint32_t kMiscEnable = 0x1a0;
// The fixed ranges' MTRRs, by the first address that each describes (SDM volume 3, 11.11.2.2).
inline constexpr std::uint32_t kMtrrFix64k00000 = 0x250;
inline constexpr std::uint32_t kMtrrFix16k80000 = 0x258;
inline constexpr std::uint32_t kMtrrFix16kA0000 = 0x259;
inline constexpr std::uint32_t kMtrrFix4kC0000 = 0x268;
inline constexpr std::uint32_t kMtrrFix4kC8000 = 0x269;
inline constexpr std::uint32_t kMtrrFix4kF0000 = 0x26e;
inline constexpr std::uint32_t kMtrrFix4kF8000 = 0x26f;
inline constexpr std::uint32_t kPat = 0x277;
inline constexpr std::uint32_t kMtrrDefType = 0x2ff;
inline constexpr std::uint32_t kTscDeadline = 0x6e0;
inline constexpr std::uint32_t kXss = 0xda0;
// Those that KVM gives its guests (Documentation/virt/kvm/x86/msr.rst).
inline constexpr std::uint32_t kKvmWallClock = 0x4b564d00;
inline constexpr std::uint32_t kKvmSystemTime = 0x4b564d01;
inline constexpr std::uint32_t kKvmAsyncPageFault = 0x4b564d02;
inline constexpr std::uint32_t kKvmStealTime = 0x4b564d03;
inline constexpr std::uint32_t kKvmEndOfInterrupt = 0x4b564d04;
inline constexpr std::uint32_t kKvmPollControl = 0x4b564d05;
inline constexpr std::uint32_t kKvmAsyncPageFaultVector = 0x4b564d06;
inline constexpr std::uint32_t kStar = 0xc0000081;
inline constexpr std::uint32_t kLstar = 0xc0000082;
inline constexpr std::uint32_t kCstar = 0xc0000083;
inline constexpr std::uint32_t kFmask = 0xc0000084;
inline constexpr std::uint32_t kKernelGsBase = 0xc0000102;
inline constexpr std::uint32_t kTscAux = 0xc0000103;
inline constexpr std::uint32_t kVmHsavePa = 0xc0010117;

// A bit of MISC_ENABLE.
inline constexpr std::uint64_t kMiscEnableFastStrings = 1u << 0;
// MTRR_DEF_TYPE (SDM volume 3, 11.11.2.1): E, and the memory type write-back.
inline constexpr std::uint64_t kMtrrsEnabled = 1u << 11;
inline constexpr std::uint64_t kMtrrWriteBack = 6;

}  // namespace ringside::x86::msr
