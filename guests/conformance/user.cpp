#include "guests/conformance/user.h"

#include <stdint.h>

#include "guests/conformance/scenarios.h"
#include "guests/lib/cpu.h"
#include "guests/lib/interrupts.h"
#include "guests/lib/segments.h"

using namespace guest;

extern "C" {
extern uint64_t page_map[512];
extern uint64_t page_directories[];
extern uint64_t gdt_task_state[2];
extern uint8_t interrupt_stack_top[];
extern volatile unsigned long syscalls_taken;    // counted in user.S
extern volatile uintptr_t kernel_stack_pointer;  // run_user()'s while user code runs, else 0
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
constexpr uint64_t kAvailableTaskState = 0x89;
constexpr unsigned kStarKernel = 32;
constexpr unsigned kStarUser = 48;

// Long mode's task state: of interest here is the stack for interrupts that come from user mode.
struct [[gnu::packed]] TaskState {
    uint32_t reserved0;
    uint64_t stack_pointers[3];
    uint64_t reserved1;
    uint64_t interrupt_stacks[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_offset;
};
static_assert(sizeof(TaskState) == 104);

TaskState task_state;

void open_kernel_pages_to_user() {
    page_map[0] |= kPageUser;
    auto* pointers = reinterpret_cast<uint64_t*>(page_map[0] & kAddressMask);
    pointers[0] |= kPageUser;
    page_directories[0] |= kPageUser;  // the first 2 MiB, where the kernel is
    write_cr3(read_cr3());
}

void load_task_state() {
    task_state.stack_pointers[0] = reinterpret_cast<uintptr_t>(interrupt_stack_top);
    task_state.io_map_offset = sizeof task_state;
    const auto base = reinterpret_cast<uint64_t>(&task_state);
    gdt_task_state[0] = (sizeof task_state - 1) | (base & 0xffffff) << 16 | kAvailableTaskState << 40 |
                        (base >> 24 & 0xff) << 56;
    gdt_task_state[1] = base >> 32;
    asm volatile("ltr %0" : : "r"(static_cast<uint16_t>(TASK_STATE)));
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
    load_task_state();
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
