#include "guests/conformance/user.h"

#include <stdint.h>

#include "guests/conformance/scenarios.h"
#include "guests/lib/cpu.h"
#include "guests/lib/interrupts.h"
#include "guests/lib/segments.h"
#include "guests/lib/task_state.h"

using namespace guest;

extern "C" {
extern uint64_t page_map[512];
extern uint64_t page_directories[];
extern uint8_t interrupt_stack_top[];
extern volatile unsigned long syscalls_taken;    // counted in user.S
extern volatile uintptr_t kernel_stack_pointer;  // run_user()'s while user code runs, otherwise 0
void syscall_entry();

// Runs code at CPL 3 until it executes UD2, and returns its RAX. (An exception is the one way up that works
// on every host: software-virtualised CPUs know neither INT n nor SYSCALL well.)
unsigned long run_user(const void* code);
[[noreturn]] void leave_user(unsigned long result);  // back to run_user()'s caller

extern const uint8_t user_break_code[];
extern const uint8_t user_int_code[];
extern const uint8_t user_int3_code[];
extern const uint8_t user_syscall_code[];
}

namespace {

constexpr unsigned long kFlagsReserved = 2;  // always set
constexpr uint64_t kPageUser = 4;
constexpr uint64_t kAddressMask = 0x000ffffffffff000;
constexpr unsigned kStarKernel = 32;
constexpr unsigned kStarUser = 48;

void open_kernel_pages_to_user() {
    page_map[0] |= kPageUser;
    auto* pointers = reinterpret_cast<uint64_t*>(page_map[0] & kAddressMask);
    pointers[0] |= kPageUser;
    page_directories[0] |= kPageUser;  // the first 2 MiB, where the kernel is
    write_cr3(read_cr3());
}

void enable_syscall() {
    write_msr(kMsrStar, uint64_t{KERNEL_CODE} << kStarKernel | uint64_t{USER_BASE | 3} << kStarUser);
    write_msr(kMsrLstar, reinterpret_cast<uintptr_t>(&syscall_entry));
    write_msr(kMsrFmask, kFlagsInterrupt | kFlagsTrap);
    write_msr(kMsrEfer, read_msr(kMsrEfer) | kEferSyscall);
}

// #UD is how user code leaves. #GP is what a CPU answers that does not know SYSRET: that run has failed.
void on_fault(InterruptFrame& frame) {
    if (kernel_stack_pointer != 0)
        leave_user(frame.rax);
    set_handler(static_cast<unsigned>(frame.vector), nullptr);  // not ours: it comes again and is reported
}

}  // namespace

void initialise_user_mode() {
    open_kernel_pages_to_user();
    load_task_state(reinterpret_cast<uintptr_t>(interrupt_stack_top));
    enable_syscall();
    set_handler(kVectorInvalidOpcode, on_fault);
    set_handler(kVectorGeneralProtection, on_fault);
}

bool check_user_break() {
    return run_user(user_break_code) == 7;
}

bool check_user_int() {
    const unsigned long before = software_interrupts_taken;
    return run_user(user_int_code) == 0x77 && software_interrupts_taken == before + 1;
}

bool check_user_int3() {
    const unsigned long before = breakpoints_taken;
    run_user(user_int3_code);
    return breakpoints_taken == before + 3;
}

bool check_user_syscall() {
    const unsigned long before = syscalls_taken;
    const unsigned long flags = run_user(user_syscall_code);  // those that SYSCALL put into R11
    return syscalls_taken == before + 1 && (flags & (kFlagsTrap | kFlagsReserved)) == kFlagsReserved;
}
