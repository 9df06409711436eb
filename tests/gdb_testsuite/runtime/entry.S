// From guests/lib/boot64.S, which has reached long mode on a small stack, to the test program's main().

    .cfi_sections .debug_frame

    .text
    .globl guest_main
    .type guest_main, @function
guest_main:
    .cfi_startproc
    .cfi_undefined rip              // backtraces end here
    leaq program_stack_top(%rip), %rsp
    xorl %ebp, %ebp
    call start_program
    .cfi_endproc
    .size guest_main, . - guest_main

    .bss
    .balign 16
    .skip 1 << 20
program_stack_top:

    .section .note.GNU-stack, "", @progbits
