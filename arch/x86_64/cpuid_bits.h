// Leaves of CPUID and single bits of them (SDM volume 2, CPUID; APM volume 3, appendix E).
#pragma once

#include <cstdint>

namespace ringside::x86::cpuid {

inline constexpr std::uint32_t kVendor = 0;
inline constexpr std::uint32_t kFeatures = 1;
inline constexpr std::uint32_t kExtendedFeatures = 7;
inline constexpr std::uint32_t kTopology = 0xb;
inline constexpr std::uint32_t kXsave = 0xd;
inline constexpr std::uint32_t kTopologyV2 = 0x1f;
inline constexpr std::uint32_t kHypervisorVendor = 0x40000000;
inline constexpr std::uint32_t kExtendedVendor = 0x80000000;
inline constexpr std::uint32_t kAmdFeatures = 0x80000001;
inline constexpr std::uint32_t kBrand1 = 0x80000002, kBrand2 = 0x80000003, kBrand3 = 0x80000004;
inline constexpr std::uint32_t kAddressSizes = 0x80000008;
inline constexpr std::uint32_t kSvm = 0x8000000a;
inline constexpr std::uint32_t kAmdTopology = 0x8000001e;

// kFeatures
inline constexpr std::uint32_t kEcxSse3 = 1u << 0;
inline constexpr std::uint32_t kEcxVmx = 1u << 5;
inline constexpr std::uint32_t kEcxTscDeadline = 1u << 24;
inline constexpr std::uint32_t kEcxXsave = 1u << 26;
inline constexpr std::uint32_t kEcxAvx = 1u << 28;
inline constexpr std::uint32_t kEcxHypervisor = 1u << 31;
inline constexpr std::uint32_t kEdxHtt = 1u << 28;
// kExtendedFeatures, subleaf 0
inline constexpr std::uint32_t kEbxSmap = 1u << 20;
inline constexpr std::uint32_t kEbxAvx512f = 1u << 16;
inline constexpr std::uint32_t kEcxPku = 1u << 3;

// kAmdFeatures
inline constexpr std::uint32_t kEcxSvm = 1u << 2;

// kTopology: level types, in ECX from bit 8.
inline constexpr std::uint32_t kLevelSmt = 1;
inline constexpr std::uint32_t kLevelCore = 2;
inline constexpr unsigned kLevelTypeShift = 8;

// kAddressSizes: bits of a physical address, in EAX.
inline constexpr std::uint32_t kEaxPhysicalBits = 0xff;

}  // namespace ringside::x86::cpuid
