// Entry stubs for 129 interrupt vectors in long mode.
//
// The CPU has pushed SS, RSP, RFLAGS, CS and RIP, and for some exceptions an error code. Each stub makes the two
// cases alike and adds its vector; the common part saves the registers and calls C++. The CFI directives tell the
// debugger where each register went, so that `bt` shows the interrupted code below the handler.

    .cfi_sections .debug_frame

    .macro push_register name
    pushq %\name
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset \name, 0
    .endm

    .macro pop_register name
    popq %\name
    .cfi_adjust_cfa_offset -8
    .cfi_restore \name
    .endm

    // The CFA is the stack pointer before the CPU pushed anything (it aligns it to 16 first): five words up.
    .macro interrupt_frame_cfi pushed_bytes
    .cfi_signal_frame
    .cfi_def_cfa rsp, 40 + \pushed_bytes
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    .endm

    .text
    .balign 16
    .globl interrupt_stubs
    .type interrupt_stubs, @function
interrupt_stubs:
    .set vector, 0
    .rept 129
    .balign 16
    .cfi_startproc
    .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 30)
    interrupt_frame_cfi 8
    .else
    interrupt_frame_cfi 0
    pushq $0                        // where others have their error code
    .cfi_adjust_cfa_offset 8
    .endif
    pushq $vector
    .cfi_adjust_cfa_offset 8
    jmp interrupt_common
    .cfi_endproc
    .set vector, vector + 1
    .endr
    .balign 16
    .size interrupt_stubs, . - interrupt_stubs

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
