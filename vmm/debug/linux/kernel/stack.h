// The stack of a task in the kernel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/debug/linux/kernel/linux_kernel.h"
#include "vmm/debug/linux/kernel/tasks.h"

namespace ringside::debug {

// The registers from which a stack is unwound.
struct StackStart {
    std::uint64_t ip = 0, sp = 0, bp = 0;
    bool interrupted = false;  // `ip` is the next instruction, not a return address
};

struct StackFrame {
    std::uint64_t address = 0;
    std::string place;         // "schedule+0x5c"; with " [module]"
    bool interrupted = false;  // by an interrupt or an exception, whose frames are the ones before
    bool guessed = false;      // found by a frame pointer, which the code may not have
};

struct LinuxStack {
    std::vector<StackFrame> frames;  // the innermost first
    std::string end;                 // a sentence: how it ends
};

// Of a task that does not run: from where it switched to another.
Result<StackStart> switched_out(const LinuxKernel& kernel, const LinuxTask& task);
Result<LinuxStack> unwind(const LinuxKernel& kernel, const StackStart& start);

}  // namespace ringside::debug
