// The interrupt controllers' registers, as the guest reads and writes them.
#pragma once

#include <stdint.h>

#include "guests/lib/cpu.h"

namespace chips {

// Local APIC registers (Intel SDM volume 3, "Local APIC Register Address Map").
inline constexpr unsigned kTaskPriority = 0x80, kEndOfInterrupt = 0xb0, kSpurious = 0xf0, kInService = 0x100,
                          kCommandLow = 0x300, kTimer = 0x320, kLint0 = 0x350, kLint1 = 0x360,
                          kTimerInitial = 0x380, kTimerDivide = 0x3e0;
inline constexpr uint32_t kSoftwareEnable = 0x100, kMasked = 0x10000, kPeriodic = 0x20000, kExtInt = 0x700,
                          kNmi = 0x400, kToSelf = 0x40000;

inline volatile uint32_t& local_apic(unsigned offset) {
    const uint64_t base = guest::read_msr(guest::kMsrApicBase) & 0xffffff000;
    return *reinterpret_cast<volatile uint32_t*>(base + offset);
}

// I/O APIC (82093AA): a register is selected, then read or written through a window.
inline constexpr uintptr_t kIoApic = 0xfec00000;
inline constexpr unsigned kPins = 24;

inline volatile uint32_t& io_apic_register(unsigned index) {
    *reinterpret_cast<volatile uint32_t*>(kIoApic) = index;
    return *reinterpret_cast<volatile uint32_t*>(kIoApic + 0x10);
}

inline uint64_t redirection(unsigned pin) {
    const uint32_t low = io_apic_register(0x10 + 2 * pin);
    return uint64_t{io_apic_register(0x11 + 2 * pin)} << 32 | low;
}

inline void redirect(unsigned pin, uint64_t entry) {
    io_apic_register(0x11 + 2 * pin) = static_cast<uint32_t>(entry >> 32);
    io_apic_register(0x10 + 2 * pin) = static_cast<uint32_t>(entry);
}

}  // namespace chips
