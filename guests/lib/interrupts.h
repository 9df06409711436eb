// Exceptions and interrupts: the IDT, the frame that the entry stubs build, and C++ handlers for them.
#pragma once

#include <stdint.h>

namespace guest {

inline constexpr unsigned kVectorDebug = 1;
inline constexpr unsigned kVectorBreakpoint = 3;
inline constexpr unsigned kVectorInvalidOpcode = 6;
inline constexpr unsigned kVectorGeneralProtection = 13;
inline constexpr unsigned kVectorPageFault = 14;
inline constexpr unsigned kVectorFirstIrq = 32;    // where pic.h puts the hardware's lines
inline constexpr unsigned kVectorSoftware = 0x80;  // free for INT n
inline constexpr unsigned kVectors = 129;

// The registers at the time of the interrupt, in the order in which interrupts64.S or interrupts32.S pushes
// them.
struct InterruptFrame {
#ifdef __x86_64__
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error_code;
    uint64_t ip, cs, flags, sp, ss;
#else
    uint32_t edi, esi, ebp, ignored_esp, ebx, edx, ecx, eax;
    uint32_t vector, error_code;
    uint32_t ip, cs, flags;  // no SP and SS: these guests have no user mode in 32 bits
#endif
};

// A handler may change the frame; the stub loads the registers from it afterwards.
using InterruptHandler = void (*)(InterruptFrame&);

// Fills the IDT for the processor's exceptions and loads it. Interrupts stay off. An exception without a
// handler ends the guest with a report; so does an interrupt, as the general protection fault that comes of
// it.
void initialise_interrupts();

// Loads the same IDT on another CPU.
void load_idt();

// Installs a handler. `privilege` is the lowest privilege (0 or 3) that may reach it by INT n.
void set_handler(unsigned vector, InterruptHandler handler, unsigned privilege = 0);

}  // namespace guest
