#include "tests/unit/arch/native_instruction.h"

#include <sys/mman.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

namespace ringside::x86 {

namespace {

constexpr std::size_t kPage = 4096;

}  // namespace

extern "C" {
// Read and written by the assembly below.
GeneralRegisters* ringside_native_registers;
void* ringside_native_entry;
void ringside_native_run();
extern const char ringside_native_back[];
}

static_assert(offsetof(GeneralRegisters, rbx) == 8 && offsetof(GeneralRegisters, rsp) == 56 &&
              offsetof(GeneralRegisters, r15) == 120 && offsetof(GeneralRegisters, rflags) == 136);

// clang-format off
asm(R"(
    .text
    .globl ringside_native_run, ringside_native_back
ringside_native_run:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, ringside_native_stack(%rip)
    mov ringside_native_registers(%rip), %rdi
    pushq 136(%rdi)
    popfq
    mov 0(%rdi), %rax
    mov 8(%rdi), %rbx
    mov 16(%rdi), %rcx
    mov 24(%rdi), %rdx
    mov 32(%rdi), %rsi
    mov 48(%rdi), %rbp
    mov 56(%rdi), %rsp
    mov 64(%rdi), %r8
    mov 72(%rdi), %r9
    mov 80(%rdi), %r10
    mov 88(%rdi), %r11
    mov 96(%rdi), %r12
    mov 104(%rdi), %r13
    mov 112(%rdi), %r14
    mov 120(%rdi), %r15
    mov 40(%rdi), %rdi
    jmp *ringside_native_entry(%rip)
ringside_native_back:
    mov %rdi, ringside_native_rdi(%rip)
    mov ringside_native_registers(%rip), %rdi
    mov %rax, 0(%rdi)
    mov %rbx, 8(%rdi)
    mov %rcx, 16(%rdi)
    mov %rdx, 24(%rdi)
    mov %rsi, 32(%rdi)
    mov %rbp, 48(%rdi)
    mov %rsp, 56(%rdi)
    mov %r8, 64(%rdi)
    mov %r9, 72(%rdi)
    mov %r10, 80(%rdi)
    mov %r11, 88(%rdi)
    mov %r12, 96(%rdi)
    mov %r13, 104(%rdi)
    mov %r14, 112(%rdi)
    mov %r15, 120(%rdi)
    mov ringside_native_rdi(%rip), %rax
    mov %rax, 40(%rdi)
    mov ringside_native_stack(%rip), %rsp
    pushfq
    popq 136(%rdi)
    cld
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
    .local ringside_native_stack, ringside_native_rdi
    .comm ringside_native_stack, 8, 8
    .comm ringside_native_rdi, 8, 8
)");
// clang-format on

NativeInstruction::NativeInstruction() {
    void* page =
        ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        std::abort();
    page_ = static_cast<std::byte*>(page);
}

NativeInstruction::~NativeInstruction() {
    ::munmap(page_, kPage);
}

std::uint64_t NativeInstruction::address() const {
    return reinterpret_cast<std::uint64_t>(page_);
}

GeneralRegisters NativeInstruction::run(std::span<const std::byte> bytes, const GeneralRegisters& general) {
    // The instruction, and jmp *back(%rip).
    constexpr std::byte kJump[]{std::byte{0xff}, std::byte{0x25}, {}, {}, {}, {}};
    auto* at = std::ranges::copy(bytes, page_).out;
    at = std::ranges::copy(kJump, at).out;
    const char* const back = ringside_native_back;
    std::ranges::copy(std::as_bytes(std::span(&back, 1)), at);
    GeneralRegisters registers = general;
    ringside_native_registers = &registers;
    ringside_native_entry = page_;
    // A signal's frame would go to whatever RSP points at.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
    ringside_native_run();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    registers.rip = general.rip;
    return registers;
}

}  // namespace ringside::x86
