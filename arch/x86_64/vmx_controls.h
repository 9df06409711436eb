// The bits of VMX's controls that code tests (SDM volume 3, 25.6 to 25.8). vmcs_words.cpp has the names of all.
#pragma once

#include <cstdint>

namespace ringside::x86::vmx {

// Pin-based controls.
inline constexpr std::uint64_t kNmiExiting = 1U << 3;
inline constexpr std::uint64_t kVirtualNmis = 1U << 5;
inline constexpr std::uint64_t kPreemptionTimer = 1U << 6;
inline constexpr std::uint64_t kPostedInterrupts = 1U << 7;

// Primary processor-based controls.
inline constexpr std::uint64_t kTprShadow = 1U << 21;
inline constexpr std::uint64_t kNmiWindow = 1U << 22;
inline constexpr std::uint64_t kIoBitmaps = 1U << 25;
inline constexpr std::uint64_t kMsrBitmaps = 1U << 28;
inline constexpr std::uint64_t kSecondaryControls = 1U << 31;

// Secondary processor-based controls.
inline constexpr std::uint64_t kVirtualizeApic = 1U << 0;
inline constexpr std::uint64_t kEnableEpt = 1U << 1;
inline constexpr std::uint64_t kVirtualizeX2apic = 1U << 4;
inline constexpr std::uint64_t kEnableVpid = 1U << 5;
inline constexpr std::uint64_t kUnrestrictedGuest = 1U << 7;
inline constexpr std::uint64_t kApicRegisters = 1U << 8;
inline constexpr std::uint64_t kVirtualInterrupts = 1U << 9;
inline constexpr std::uint64_t kPageModificationLog = 1U << 17;

// VM-exit controls.
inline constexpr std::uint64_t kExitHost64 = 1U << 9;
inline constexpr std::uint64_t kExitAcknowledge = 1U << 15;
inline constexpr std::uint64_t kExitLoadPat = 1U << 19;
inline constexpr std::uint64_t kExitLoadEfer = 1U << 21;
inline constexpr std::uint64_t kExitSaveTimer = 1U << 22;

// VM-entry controls.
inline constexpr std::uint64_t kEntryLoadDebug = 1U << 2;
inline constexpr std::uint64_t kEntryLongMode = 1U << 9;
inline constexpr std::uint64_t kEntryToSmm = 1U << 10;
inline constexpr std::uint64_t kEntryDeactivateDualMonitor = 1U << 11;
inline constexpr std::uint64_t kEntryLoadPat = 1U << 14;
inline constexpr std::uint64_t kEntryLoadEfer = 1U << 15;

}  // namespace ringside::x86::vmx
