// Entry stubs for 129 interrupt vectors, for interrupts32.S and interrupts64.S.
//
// The CPU pushes a frame, and for some exceptions an error code. Each stub makes the two cases alike, pushes its
// vector and jumps to interrupt_common. The including file defines the macro `interrupt_frame_cfi PUSHED_BYTES`, which
// describes the CPU's frame below so many pushed bytes.

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
    interrupt_frame_cfi WORD
    .else
    interrupt_frame_cfi 0
    push_value $0                   // in place of an error code
    .endif
    push_value $vector
    jmp interrupt_common
    .cfi_endproc
    .set vector, vector + 1
    .endr
    .balign 16
    .size interrupt_stubs, . - interrupt_stubs
