// Entering L2 and coming back, and what L1 does about each exit, in the same words for both kinds of processor.
#pragma once

#include <stdint.h>

namespace hypervisor {

// L2's registers that neither a VMCS nor (but for RAX) a VMCB holds. enter.S knows the order.
struct L2Registers {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
};
inline L2Registers l2;

enum class Exit : unsigned { Cpuid, Io, Hlt, MissingPage, Hypercall, Other };
inline constexpr unsigned kExits = 6;
// How often each has been handled, for a debugger to compare with.
inline unsigned long exits_handled[kExits];

struct Facts {
    Exit exit;
    uint64_t address;      // of the page that is missing
    uint64_t instruction;  // L2's RIP
};

// Handles an exit of L2. Returns false if L2 is not to be entered again: a hypercall ends a round.
bool handle(const Facts& facts);

// What differs between the kinds of processor. run() enters L2 up to its next exit, and returns false if it cannot. finish()
// completes the instruction that caused the exit.
struct Processing {
    bool (*run)(Facts& facts);
    void (*finish)(Exit exit);
};
// Runs L2 for some rounds, and handles its exits.
bool run_rounds(unsigned long rounds, const Processing& processor);

// Each runs L2 for some rounds, or tries the ways `broken` to break a field if that is not null. Returns false if anything was
// not as it should be.
bool run_on_vmx(unsigned long rounds, const char* broken);
bool run_on_svm(unsigned long rounds, const char* broken);

}  // namespace hypervisor
