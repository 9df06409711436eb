// The bench's guest: 32-bit protected mode without paging, as PVH enters it, so that no VMM has an easier time than
// another. It writes one byte to the serial port and then calls one function for ever.

#include "tests/bench/guest_layout.h"

    .section .note.Xen, "a", @note
    .long 4, 4, 18                  // name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long BENCH_TEXT

    .text
    .code32
    .globl _start
_start:
    movl $0x80000, %esp
    movl $0, BENCH_VALUE
    movw $0x3f8, %dx
    movb $'R', %al
    outb %al, %dx
loop:
    call work
    jmp loop

    .org BENCH_WORK - BENCH_TEXT
work:
    incl BENCH_VALUE
    ret

    .org BENCH_COUNTDOWN - BENCH_TEXT
countdown:
    decl %ecx
    jnz countdown
    .org BENCH_COUNTDOWN_END - BENCH_TEXT
    jmp loop

    .section .note.GNU-stack, "", @progbits
