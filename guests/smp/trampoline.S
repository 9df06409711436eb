// The start of an application processor: real mode, below 1 MiB, at a page that the startup IPI names.
//
// The boot processor copies this code to TRAMPOLINE and reuses its own page tables and GDT, so an application
// processor goes from real mode to long mode in one jump.

#include "guests/lib/long_mode.inc"
#include "guests/lib/segments.h"

#define TRAMPOLINE 0x8000
#define MAXIMUM_CPUS 255
#define LOCAL_APIC_ID 0xfee00020    // bits 31-24 hold the id (SDM volume 3, 10.4.6)
#define STACK_SIZE 4096
#define CR0_LONG_MODE 0x80010011    // PG, WP, ET, PE; caches on

    .cfi_sections .debug_frame

    .section .rodata
    .balign 8
    .globl kTrampolineAddress
kTrampolineAddress:
    .quad TRAMPOLINE

    .text
    .code16
    .globl ap_trampoline, ap_trampoline_end
ap_trampoline:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    lgdtl TRAMPOLINE + (ap_gdt_pointer - ap_trampoline)
    prepare_long_mode
    movl $CR0_LONG_MODE, %eax
    movl %eax, %cr0
    ljmpl $KERNEL_CODE, $ap_long_mode_entry
    .balign 4
ap_gdt_pointer:
    .word TASK_STATE - 1
    .long gdt
ap_trampoline_end:

    .code64
    .globl ap_long_mode_entry
    .type ap_long_mode_entry, @function
ap_long_mode_entry:
    .cfi_startproc
    .cfi_undefined rip              // there is no caller: backtraces end here
    movl $KERNEL_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $LOCAL_APIC_ID, %eax
    movl (%rax), %edi
    shrl $24, %edi                  // first argument: this CPU's index, which is its local APIC id
    cmpl $MAXIMUM_CPUS, %edi
    jae 1f
    lock incl cpus_online
    imull $STACK_SIZE, %edi, %esp   // index 1 has the first stack
    addl $ap_stacks, %esp
    xorl %ebp, %ebp
    call ap_main
1:  cli
    hlt
    jmp 1b
    .cfi_endproc
    .size ap_long_mode_entry, . - ap_long_mode_entry

    .bss
    .balign 16
ap_stacks:
    .skip (MAXIMUM_CPUS - 1) * STACK_SIZE

    .section .note.GNU-stack, "", @progbits
