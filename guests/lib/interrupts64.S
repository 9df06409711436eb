// Interrupt entry in long mode. The CPU has pushed SS, RSP, RFLAGS, CS and RIP; the stubs add an error code if the CPU
// has not, and the vector. The common part saves the registers and calls C++. The CFI directives tell the debugger
// where each register went, so that `bt` shows the interrupted code below the handler.

#include "guests/lib/frames.inc"

    // The CFA is the stack pointer before the CPU pushed anything (it aligns it to 16 first): five words up.
    .macro interrupt_frame_cfi pushed_bytes
    .cfi_signal_frame
    .cfi_def_cfa rsp, 40 + \pushed_bytes
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    .endm

#include "guests/lib/interrupt_stubs.inc"

    .globl interrupt_common
    .type interrupt_common, @function
interrupt_common:
    .cfi_startproc
    interrupt_frame_cfi 16
    push_register rax
    push_register rcx
    push_register rdx
    push_register rbx
    push_register rbp
    push_register rsi
    push_register rdi
    push_register r8
    push_register r9
    push_register r10
    push_register r11
    push_register r12
    push_register r13
    push_register r14
    push_register r15
    cld
    movq %rsp, %rdi                 // first argument: InterruptFrame&
    call interrupt_dispatch
    pop_register r15
    pop_register r14
    pop_register r13
    pop_register r12
    pop_register r11
    pop_register r10
    pop_register r9
    pop_register r8
    pop_register rdi
    pop_register rsi
    pop_register rbp
    pop_register rbx
    pop_register rdx
    pop_register rcx
    pop_register rax
    addq $16, %rsp                  // vector and error code
    .cfi_adjust_cfa_offset -16
    .globl interrupt_return
interrupt_return:
    iretq
    .cfi_endproc
    .size interrupt_common, . - interrupt_common

    .section .note.GNU-stack, "", @progbits
