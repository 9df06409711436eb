// From a multiboot 1 loader to C++ in 32-bit protected mode, paging off.
//
// The loader leaves flat segments but does not say where its GDT is, so load one before anything else.

#include "guests/lib/segments.h"

#define MULTIBOOT_HEADER_MAGIC 0x1badb002
#define MULTIBOOT_WANT_MEMORY 0x2

    .cfi_sections .debug_frame

    .section .multiboot, "a", @progbits
    .balign 4
    .long MULTIBOOT_HEADER_MAGIC
    .long MULTIBOOT_WANT_MEMORY
    .long -(MULTIBOOT_HEADER_MAGIC + MULTIBOOT_WANT_MEMORY)

    .text
    .globl multiboot_entry
    .type multiboot_entry, @function
multiboot_entry:
    .cfi_startproc
    .cfi_undefined eip              // there is no caller: backtraces end here
    cld
    lgdt gdt_pointer
    ljmp $KERNEL_CODE, $1f
1:  movl $KERNEL_DATA, %ecx
    movl %ecx, %ds
    movl %ecx, %es
    movl %ecx, %fs
    movl %ecx, %gs
    movl %ecx, %ss
    movl $boot_stack_top, %esp
    xorl %ebp, %ebp
    subl $8, %esp                   // keeps the stack aligned to 16 at the call
    pushl %ebx                      // second argument: const MultibootInfo&
    pushl %eax                      // first argument: the magic number
    call guest_main
2:  cli
    hlt
    jmp 2b
    .cfi_endproc
    .size multiboot_entry, . - multiboot_entry

    .data
    .balign 16
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff        // KERNEL_CODE
    .quad 0x00cf93000000ffff        // KERNEL_DATA
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt

#include "guests/lib/boot_stack.inc"

    .section .note.GNU-stack, "", @progbits
