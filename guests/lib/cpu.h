// The privileged instructions that C++ cannot express, one function each. Register-sized values are
// `unsigned long`, which is 32 bits wide in the 32-bit guests and 64 in the others.
#pragma once

#include <stdint.h>

#include "guests/lib/inline.h"

namespace guest {

inline constexpr uint32_t kMsrApicBase = 0x1b;
inline constexpr uint32_t kMsrEfer = 0xc0000080;
inline constexpr uint32_t kMsrStar = 0xc0000081;
inline constexpr uint32_t kMsrLstar = 0xc0000082;
inline constexpr uint32_t kMsrFmask = 0xc0000084;
inline constexpr uint32_t kMsrGsBase = 0xc0000101;

inline constexpr uint64_t kEferSyscall = 1;
inline constexpr unsigned long kCr0WriteProtect = 1ul << 16;
inline constexpr unsigned long kCr0Paging = 1ul << 31;
inline constexpr unsigned long kCr4PageSizeExtensions = 1ul << 4;
inline constexpr unsigned long kFlagsTrap = 1ul << 8;
inline constexpr unsigned long kFlagsInterrupt = 1ul << 9;
inline constexpr unsigned long kDr6SingleStep = 1ul << 14;

struct CpuidLeaf {
    uint32_t eax, ebx, ecx, edx;
};

GUEST_INLINE CpuidLeaf cpuid(uint32_t leaf, uint32_t subleaf = 0) {
    CpuidLeaf out{};
    asm volatile("cpuid"
                 : "=a"(out.eax), "=b"(out.ebx), "=c"(out.ecx), "=d"(out.edx)
                 : "a"(leaf), "c"(subleaf));
    return out;
}

GUEST_INLINE uint64_t read_msr(uint32_t msr) {
    uint32_t low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return uint64_t{high} << 32 | low;
}

GUEST_INLINE void write_msr(uint32_t msr, uint64_t value) {
    asm volatile("wrmsr"
                 :
                 : "c"(msr), "a"(static_cast<uint32_t>(value)), "d"(static_cast<uint32_t>(value >> 32))
                 : "memory");
}

GUEST_INLINE uint64_t read_tsc() {
    uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return uint64_t{high} << 32 | low;
}

#define GUEST_SYSTEM_REGISTER(name)                                 \
    GUEST_INLINE unsigned long read_##name() {                      \
        unsigned long value;                                        \
        asm volatile("mov %%" #name ", %0" : "=r"(value));          \
        return value;                                               \
    }                                                               \
    GUEST_INLINE void write_##name(unsigned long value) {           \
        asm volatile("mov %0, %%" #name : : "r"(value) : "memory"); \
    }

GUEST_SYSTEM_REGISTER(cr0)
GUEST_SYSTEM_REGISTER(cr2)
GUEST_SYSTEM_REGISTER(cr3)
GUEST_SYSTEM_REGISTER(cr4)
GUEST_SYSTEM_REGISTER(dr0)
GUEST_SYSTEM_REGISTER(dr1)
GUEST_SYSTEM_REGISTER(dr6)
GUEST_SYSTEM_REGISTER(dr7)
#undef GUEST_SYSTEM_REGISTER

GUEST_INLINE void invalidate_page(unsigned long address) {
    asm volatile("invlpg (%0)" : : "r"(address) : "memory");
}

GUEST_INLINE void disable_interrupts() {
    asm volatile("cli" : : : "memory");
}

GUEST_INLINE void enable_interrupts() {
    asm volatile("sti" : : : "memory");
}

// Sleeps until the next interrupt. STI takes effect after the instruction that follows it, so no interrupt
// can slip in between the two and leave the CPU asleep.
GUEST_INLINE void wait_for_interrupt() {
    asm volatile("sti; hlt" : : : "memory");
}

GUEST_INLINE void spin_hint() {
    asm volatile("pause" : : : "memory");
}

}  // namespace guest
