// From the PVH entry point to C++ in long mode.
//
// The loader starts us in 32-bit protected mode with flat segments, paging off and the address of an HvmStartInfo
// in EBX. Long mode needs page tables: they are built by the assembler, not at run time, so that the first line
// of C++ is reached within twenty instructions.

#include "guests/lib/long_mode.inc"
#include "guests/lib/segments.h"

#define CR0_PAGING_AND_WRITE_PROTECT 0x80010000
#define PAGE_PRESENT_WRITABLE 0x3
#define PAGE_LARGE 0x80
#define PAGE_UNCACHED 0x10

    .cfi_sections .debug_frame

    // The ELF note that marks a PVH kernel: XEN_ELFNOTE_PHYS32_ENTRY.
    .section .note.Xen, "a", @note
    .balign 4
    .long 4, 8, 18
    .asciz "Xen"
    .quad pvh_entry

    .text
    .code32
    .globl pvh_entry
    .type pvh_entry, @function
pvh_entry:
    .cfi_startproc
    .cfi_undefined 16               // RIP, which has no name in 32-bit code: backtraces end here
    cld
    prepare_long_mode
    movl %cr0, %eax
    orl $CR0_PAGING_AND_WRITE_PROTECT, %eax
    movl %eax, %cr0                 // long mode is active now, in its 32-bit compatibility form
    lgdt gdt_pointer
    ljmpl $KERNEL_CODE, $long_mode_entry
    .cfi_endproc
    .size pvh_entry, . - pvh_entry

    .code64
    .globl long_mode_entry
    .type long_mode_entry, @function
long_mode_entry:
    .cfi_startproc
    .cfi_undefined rip
    movl $KERNEL_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl $boot_stack_top, %esp
    xorl %ebp, %ebp
    movl %ebx, %edi                 // first argument: const HvmStartInfo&
    call guest_main
1:  cli
    hlt
    jmp 1b
    .cfi_endproc
    .size long_mode_entry, . - long_mode_entry

    .data
    .balign 16
    .globl gdt, gdt_pointer
gdt:
    .quad 0
    .quad 0x00af9b000000ffff        // KERNEL_CODE: 64-bit
    .quad 0x00cf93000000ffff        // KERNEL_DATA
    .quad 0                         // USER_BASE
    .quad 0x00cff3000000ffff        // USER_DATA
    .quad 0x00affb000000ffff        // USER_CODE: 64-bit
    .globl gdt_task_state
gdt_task_state:
    .quad 0, 0                      // TASK_STATE: filled in by a guest that has user mode
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt

    // An identity map of the first 4 GiB in 2 MiB pages; the device hole above 3 GiB is uncached.
    .balign 4096
    .globl page_map, page_directories
page_map:
    .quad page_directory_pointers + PAGE_PRESENT_WRITABLE
    .fill 511, 8, 0
page_directory_pointers:
    .quad page_directories + 0 * 4096 + PAGE_PRESENT_WRITABLE
    .quad page_directories + 1 * 4096 + PAGE_PRESENT_WRITABLE
    .quad page_directories + 2 * 4096 + PAGE_PRESENT_WRITABLE
    .quad page_directories + 3 * 4096 + PAGE_PRESENT_WRITABLE
    .fill 508, 8, 0
page_directories:
    .set .Laddress, 0
    .rept 1536
    .quad .Laddress + PAGE_PRESENT_WRITABLE + PAGE_LARGE
    .set .Laddress, .Laddress + 0x200000
    .endr
    .rept 512
    .quad .Laddress + PAGE_PRESENT_WRITABLE + PAGE_LARGE + PAGE_UNCACHED
    .set .Laddress, .Laddress + 0x200000
    .endr

#include "guests/lib/boot_stack.inc"

    .section .note.GNU-stack, "", @progbits
