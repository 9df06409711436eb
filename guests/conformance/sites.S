// Code for a debugger's conformance tests, in long mode and in 32-bit protected mode from one source. Every
// instruction of interest has a label before it and one after it. sites.h says what each function is for.

#include "guests/conformance/sites.inc"
#include "guests/lib/frames.inc"
#include "guests/lib/segments.h"

#ifdef __x86_64__
#define AX %rax
#define SP %rsp
#define PUSHF pushfq
#define POPF popfq
#else
#define AX %eax
#define SP %esp
#define PUSHF pushfl
#define POPF popfl
#endif
#define INT_VECTOR 0x80
#define TRAP_FLAG 0x100

    .macro function name
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    .endm

    .macro end_function name
    .cfi_endproc
    .size \name, . - \name
    .endm

    .text

function run_break
    movl $1, %eax
site break_site
    addl $2, %eax
site after_break
    addl $4, %eax
    ret
end_function run_break

function run_execute
    movl $1, %eax
site execute_site
    addl $2, %eax
site after_execute
    addl $4, %eax
    ret
end_function run_execute

function run_writes
    writes_up_to_32_bits
#ifdef __x86_64__
    movabsq $0x8888888888888888, %rax
site write64
    movq %rax, watch64
site after_write64
    nop
#endif
    ret
end_function run_writes

function run_reads
site read8
    movb watch8, %al
site after_read8
    nop
site read16
    movw watch16, %ax
site after_read16
    nop
site read32
    movl watch32, %eax
site after_read32
    nop
#ifdef __x86_64__
site read64
    movq watch64, %rax
site after_read64
    nop
#endif
    ret
end_function run_reads

function run_plain
    xorl %eax, %eax
site plain_site
    incl %eax
    incl %eax
    incl %eax
    incl %eax
    incl %eax
    incl %eax
    incl %eax
    incl %eax
site after_plain
    ret
end_function run_plain

function run_rep_movsb
#ifndef __x86_64__
    push_register esi
    push_register edi
#endif
    movl $rep_source, %esi
    movl $rep_target, %edi
    movl $16, %ecx
    cld
site rep_movsb_site
    rep movsb
site after_rep_movsb
#ifndef __x86_64__
    pop_register edi
    pop_register esi
#endif
    ret
end_function run_rep_movsb

function run_pushf
site pushf_site
    PUSHF
    .cfi_adjust_cfa_offset WORD
site after_pushf
    pop AX
    .cfi_adjust_cfa_offset -WORD
    ret
end_function run_pushf

function run_popf
    push $0x8d7
    .cfi_adjust_cfa_offset WORD
site popf_site
    POPF
    .cfi_adjust_cfa_offset -WORD
site after_popf
    PUSHF
    pop AX
    ret
end_function run_popf

function run_iret
    xorl %eax, %eax
#ifdef __x86_64__
    movq %rsp, %rdx
    movl %ss, %ecx
    pushq %rcx
    pushq %rdx
    pushfq
    movl %cs, %ecx
    pushq %rcx
    pushq $after_iret
site iret_site
    iretq
#else
    pushfl
    pushl %cs
    pushl $after_iret
site iret_site
    iretl
#endif
    ud2
site after_iret
    incl %eax
    ret
end_function run_iret

function run_mov_ss
    xorl %eax, %eax
    movl %ss, %ecx
site mov_ss_site
    movl %ecx, %ss
site mov_ss_shadow                  // interrupts and debug traps wait until after this one
    incl %eax
site after_mov_ss
    incl %eax
    ret
end_function run_mov_ss

function run_int
    xorl %eax, %eax
site int_site
    int $INT_VECTOR
site after_int
    ret
end_function run_int

function run_hlt
    sti
site hlt_site
    hlt
site after_hlt
    cli
    ret
end_function run_hlt

function run_pending
site pending_site
    sti
site pending_shadow                 // the interrupt waits until after this one
    nop
site after_pending
    nop
    ret                             // with interrupts on
end_function run_pending

function run_own_int3
site own_int3_site
    int3
    int3
    int3
site after_own_int3
    ret
end_function run_own_int3

function run_own_step
    PUSHF
    .cfi_adjust_cfa_offset WORD
    PUSHF
    .cfi_adjust_cfa_offset WORD
    orl $TRAP_FLAG, (SP)
    POPF                            // takes effect after the next instruction
    .cfi_adjust_cfa_offset -WORD
site own_step_site
    nop
    POPF                            // clears TF again; trapped once more, because TF was set before it
    .cfi_adjust_cfa_offset -WORD
site after_own_step
    nop
    ret
end_function run_own_step

function run_own_execute
site own_execute_site
    nop
site after_own_execute
    ret
end_function run_own_execute

function run_own_write
site own_write_site
    movl $0x12345678, own_watched
site after_own_write
    nop
    ret
end_function run_own_write

#ifdef __x86_64__
    .macro load_register name value
    movabsq $\value, %\name
    .endm
#else
    .macro load_register name value
    movl $\value, %\name
    .endm
#endif

#ifdef __x86_64__
function run_registers
    push_callee_saved
    load_register rax, 0xa0a0a0a0a0a0a001
    load_register rbx, 0xa0a0a0a0a0a0a002
    load_register rcx, 0xa0a0a0a0a0a0a003
    load_register rdx, 0xa0a0a0a0a0a0a004
    load_register rsi, 0xa0a0a0a0a0a0a005
    load_register rdi, 0xa0a0a0a0a0a0a006
    load_register rbp, 0xa0a0a0a0a0a0a007
    load_register r8, 0xa0a0a0a0a0a0a008
    load_register r9, 0xa0a0a0a0a0a0a009
    load_register r10, 0xa0a0a0a0a0a0a00a
    load_register r11, 0xa0a0a0a0a0a0a00b
    load_register r12, 0xa0a0a0a0a0a0a00c
    load_register r13, 0xa0a0a0a0a0a0a00d
    load_register r14, 0xa0a0a0a0a0a0a00e
    load_register r15, 0xa0a0a0a0a0a0a00f
site registers_site
    nop
site after_registers
    movq %rax, registers_seen
    movq %rbx, registers_seen + 8
    movq %rcx, registers_seen + 16
    movq %rdx, registers_seen + 24
    movq %rsi, registers_seen + 32
    movq %rdi, registers_seen + 40
    movq %rbp, registers_seen + 48
    movq %r8, registers_seen + 56
    movq %r9, registers_seen + 64
    movq %r10, registers_seen + 72
    movq %r11, registers_seen + 80
    movq %r12, registers_seen + 88
    movq %r13, registers_seen + 96
    movq %r14, registers_seen + 104
    movq %r15, registers_seen + 112
    pop_callee_saved
    ret
end_function run_registers
#else
function run_registers
    push_register ebx
    push_register ebp
    push_register esi
    push_register edi
    load_register eax, 0xa0a0a001
    load_register ebx, 0xa0a0a002
    load_register ecx, 0xa0a0a003
    load_register edx, 0xa0a0a004
    load_register esi, 0xa0a0a005
    load_register edi, 0xa0a0a006
    load_register ebp, 0xa0a0a007
site registers_site
    nop
site after_registers
    movl %eax, registers_seen
    movl %ebx, registers_seen + 4
    movl %ecx, registers_seen + 8
    movl %edx, registers_seen + 12
    movl %esi, registers_seen + 16
    movl %edi, registers_seen + 20
    movl %ebp, registers_seen + 24
    pop_register edi
    pop_register esi
    pop_register ebp
    pop_register ebx
    ret
end_function run_registers
#endif

function run_tight_loop
site tight_loop
    incl loop_count
    cmpl $0, leave_loop
    je tight_loop
    ret
end_function run_tight_loop

function run_hlt_loop
site hlt_loop
    incl loop_count
    sti
    hlt
    cli
    cmpl $0, leave_loop
    je hlt_loop
    ret
end_function run_hlt_loop

    .data
    .balign 8
    .globl watch8, watch16, watch32, watch64, own_watched, leave_loop, loop_count
watch64: .quad 0
watch32: .long 0
watch16: .word 0, 0
watch8: .byte 0, 0, 0, 0
own_watched: .long 0
leave_loop: .long 0
    .balign 8
loop_count: .quad 0
    .globl rep_source, rep_target, registers_seen
rep_source: .ascii "sixteen bytes..."
rep_target: .fill 16, 1, 0
    .balign 8
registers_seen: .fill 15, 8, 0

    .section .note.GNU-stack, "", @progbits
