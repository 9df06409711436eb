// Interrupt entry in 32-bit protected mode, like interrupts64.S. The CPU pushes only EFLAGS, CS and EIP, because the
// privilege level does not change.

#include "guests/lib/frames.inc"

    .macro interrupt_frame_cfi pushed_bytes
    .cfi_signal_frame
    .cfi_def_cfa esp, 12 + \pushed_bytes
    .cfi_offset eip, -12
    .endm

#include "guests/lib/interrupt_stubs.inc"

    .globl interrupt_common
    .type interrupt_common, @function
interrupt_common:
    .cfi_startproc
    interrupt_frame_cfi 8
    pushal
    .cfi_adjust_cfa_offset 32
    .cfi_rel_offset edi, 0
    .cfi_rel_offset esi, 4
    .cfi_rel_offset ebp, 8
    .cfi_rel_offset ebx, 16
    .cfi_rel_offset edx, 20
    .cfi_rel_offset ecx, 24
    .cfi_rel_offset eax, 28
    cld
    pushl %esp                      // first argument: InterruptFrame&
    .cfi_adjust_cfa_offset 4
    call interrupt_dispatch
    addl $4, %esp
    .cfi_adjust_cfa_offset -4
    popal
    .cfi_adjust_cfa_offset -32
    .cfi_restore edi
    .cfi_restore esi
    .cfi_restore ebp
    .cfi_restore ebx
    .cfi_restore edx
    .cfi_restore ecx
    .cfi_restore eax
    addl $8, %esp                   // vector and error code
    .cfi_adjust_cfa_offset -8
    .globl interrupt_return
interrupt_return:
    iretl
    .cfi_endproc
    .size interrupt_common, . - interrupt_common

    .section .note.GNU-stack, "", @progbits
