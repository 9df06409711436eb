// The way to user mode and back, and labelled code for CPL 3.

#include "guests/lib/frames.inc"
#include "guests/lib/segments.h"

#define INT_VECTOR 0x80
#define FLAGS_AT_START 0x2
#define RPL3 3

    .macro site name
    .globl \name
\name:
    .endm

    .text

// unsigned long run_user(const void* code): IRET is the way down.
    .globl run_user
    .type run_user, @function
run_user:
    .cfi_startproc
    push_callee_saved
    movq %rsp, kernel_stack_pointer
    pushq $USER_DATA | RPL3
    pushq $user_stack_top
    pushq $FLAGS_AT_START
    pushq $USER_CODE | RPL3
    pushq %rdi
    site enter_user_site
    iretq
    .cfi_endproc
    .size run_user, . - run_user

// SYSCALL leaves the user's stack pointer in place, its RIP in RCX and its flags in R11.
    .globl syscall_entry
    .type syscall_entry, @function
syscall_entry:
    .cfi_startproc
    .cfi_def_cfa rsp, 0
    .cfi_register rip, rcx
    incq syscalls_taken
    site sysret_site
    sysretq
    .cfi_endproc
    .size syscall_entry, . - syscall_entry

// void leave_user(unsigned long result): the rest of run_user(), back on its stack.
    .globl leave_user
    .type leave_user, @function
leave_user:
    .cfi_startproc
    movq %rdi, %rax
    movq kernel_stack_pointer, %rsp
    .cfi_def_cfa rsp, 56
    .cfi_offset rbx, -16
    .cfi_offset rbp, -24
    .cfi_offset r12, -32
    .cfi_offset r13, -40
    .cfi_offset r14, -48
    .cfi_offset r15, -56
    movq $0, kernel_stack_pointer
    pop_callee_saved
    ret
    .cfi_endproc
    .size leave_user, . - leave_user

    .macro user_code name
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    .cfi_undefined rip              // the kernel side of a user program is not part of its backtrace
    .endm

    .macro end_user_code name
    ud2
    .cfi_endproc
    .size \name, . - \name
    .endm

user_code user_break_code
    movl $1, %eax
site user_break_site
    addl $2, %eax
site after_user_break
    addl $4, %eax
end_user_code user_break_code

user_code user_int_code
    xorl %eax, %eax
site user_int_site
    int $INT_VECTOR
site after_user_int
    nop
end_user_code user_int_code

user_code user_int3_code
site user_int3_site
    int3
    int3
    int3
site after_user_int3
    nop
end_user_code user_int3_code

user_code user_syscall_code
    xorl %eax, %eax
site syscall_site
    syscall
site after_syscall
    movq %r11, %rax
end_user_code user_syscall_code

    .data
    .balign 8
    .globl syscalls_taken, kernel_stack_pointer
syscalls_taken: .quad 0
kernel_stack_pointer: .quad 0

    .bss
    .balign 16
    .skip 4096
    .globl interrupt_stack_top
interrupt_stack_top:
    .skip 4096
user_stack_top:

    .section .note.GNU-stack, "", @progbits
