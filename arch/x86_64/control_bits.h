// Single bits of RFLAGS, the control registers and EFER (SDM volume 1, 3.4.3; volume 3, 2.2.1 and 2.5).
#pragma once

#include <cstdint>

namespace ringside::x86 {

namespace rflags {
inline constexpr std::uint64_t kCf = 1u << 0;
inline constexpr std::uint64_t kReserved1 = 1u << 1;  // always set
inline constexpr std::uint64_t kPf = 1u << 2;
inline constexpr std::uint64_t kAf = 1u << 4;
inline constexpr std::uint64_t kZf = 1u << 6;
inline constexpr std::uint64_t kSf = 1u << 7;
inline constexpr std::uint64_t kTf = 1u << 8;
inline constexpr std::uint64_t kIf = 1u << 9;
inline constexpr std::uint64_t kDf = 1u << 10;
inline constexpr std::uint64_t kOf = 1u << 11;
inline constexpr std::uint64_t kRf = 1u << 16;
inline constexpr std::uint64_t kVm = 1u << 17;
inline constexpr std::uint64_t kAc = 1u << 18;
}  // namespace rflags

namespace cr0 {
inline constexpr std::uint64_t kPe = 1u << 0;
inline constexpr std::uint64_t kMp = 1u << 1;
inline constexpr std::uint64_t kTs = 1u << 3;
inline constexpr std::uint64_t kEt = 1u << 4;
inline constexpr std::uint64_t kNe = 1u << 5;
inline constexpr std::uint64_t kWp = 1u << 16;
inline constexpr std::uint64_t kPg = 1u << 31;
}  // namespace cr0

namespace cr4 {
inline constexpr std::uint64_t kTsd = 1u << 2;
inline constexpr std::uint64_t kPse = 1u << 4;
inline constexpr std::uint64_t kPae = 1u << 5;
inline constexpr std::uint64_t kOsfxsr = 1u << 9;
inline constexpr std::uint64_t kLa57 = 1u << 12;
inline constexpr std::uint64_t kVmxe = 1u << 13;
inline constexpr std::uint64_t kPcide = 1u << 17;
inline constexpr std::uint64_t kOsxsave = 1u << 18;
inline constexpr std::uint64_t kSmep = 1u << 20;
inline constexpr std::uint64_t kSmap = 1u << 21;
inline constexpr std::uint64_t kPke = 1u << 22;
inline constexpr std::uint64_t kCet = 1u << 23;
inline constexpr std::uint64_t kPks = 1u << 24;
}  // namespace cr4

namespace efer {
inline constexpr std::uint64_t kSce = 1u << 0;
inline constexpr std::uint64_t kLme = 1u << 8;
inline constexpr std::uint64_t kLma = 1u << 10;
inline constexpr std::uint64_t kNxe = 1u << 11;
inline constexpr std::uint64_t kSvme = 1u << 12;
}  // namespace efer

}  // namespace ringside::x86
