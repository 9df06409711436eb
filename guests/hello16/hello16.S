// hello16: a boot sector in real mode, without a BIOS: it uses only ports and an interrupt vector of its own.
//
// The image is loaded at 0x7c00 and entered there in 16-bit real mode. It copies a text to another segment through
// two far pointers, prints it from there, counts in a loop with a subroutine, calls its own software interrupt, and
// leaves through the debug-exit port with 0x10.
//
// Debug it with hello16.elf's symbols: `set architecture i8086`, then break print, break *count_loop, x/8i $pc,
// info registers cs ds es ss, watch interrupts_taken.

    .set COM1, 0x3f8
    .set DEBUG_EXIT, 0xf4
    .set PASSED, 0x10
    .set FAILED, 0x11
    .set VECTOR, 0x60               // among those that PCs leave to the user
    .set COPY_SEGMENT, 0x2000       // linear address 0x20000
    .set ROUNDS, 5

    .code16
    .text
    .globl start, main, print, count_loop, on_interrupt, interrupts_taken, countdown

// Wherever the loader's CS:IP says 0x7c00, from here on it is 0000:7cxx, as the symbols have it.
start:
    ljmp $0, $main
main:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7c00, %sp               // grows down, away from the code
    cld

    call copy_to_other_segment
    movw $COPY_SEGMENT, %ax
    movw %ax, %es
    xorw %si, %si
    call print

    movw $ROUNDS, countdown
count_loop:
    movw countdown, %cx
    call print_digit
    decw countdown
    jnz count_loop

    call install_handler
    movw $0x1234, %ax
    int $VECTOR                     // the handler returns a value in AX
after_interrupt:
    cmpw $0x4321, %ax
    jne failed
    cmpw $1, interrupts_taken
    jne failed
    xorw %ax, %ax
    movw %ax, %es
    movw $text_passed, %si
    call print
    movb $PASSED, %al
    outb %al, $DEBUG_EXIT
    jmp halt
failed:
    movb $FAILED, %al
    outb %al, $DEBUG_EXIT
halt:
    cli
    hlt
    jmp halt

// Copies the greeting from DS:SI to ES:DI, both loaded as far pointers.
copy_to_other_segment:
    pushw %ds
    ldsw source_pointer, %si
    lesw %cs:target_pointer, %di
    movw $text_greeting_size, %cx
    rep movsb
    popw %ds
    ret

// Prints the string at ES:SI that ends with a zero byte.
print:
    movb %es:(%si), %al
    testb %al, %al
    jz 1f
    call print_character
    incw %si
    jmp print
1:  ret

// Prints CX, 0 to 9, and a space.
print_digit:
    movb $'0', %al
    addb %cl, %al
    call print_character
    movb $' ', %al

// Prints AL; waits until the transmitter is empty.
print_character:
    pushw %dx
    pushw %ax
    movw $COM1 + 5, %dx
1:  inb %dx, %al
    testb $0x20, %al
    jz 1b
    popw %ax
    movw $COM1, %dx
    outb %al, %dx
    popw %dx
    ret

// The interrupt vector table is at linear address 0: offset and segment for each vector.
install_handler:
    movw $on_interrupt, VECTOR * 4
    movw $0, VECTOR * 4 + 2
    ret

// Counts, and swaps every four bits of AX: 0x1234 becomes 0x4321.
on_interrupt:
    incw interrupts_taken
    xchgb %al, %ah
    rolb $4, %al
    rolb $4, %ah
    iret

    .data
source_pointer: .word text_greeting, 0
target_pointer: .word 0, COPY_SEGMENT
countdown: .word 0
interrupts_taken: .word 0
text_greeting: .asciz "hello16: real mode at 0000:7c00\n"
    .set text_greeting_size, . - text_greeting
text_passed: .asciz "\nok\n"

    .section .signature, "aw"       // of a boot sector, for a BIOS; Ringside does not check it
    .byte 0x55, 0xaa

    .section .note.GNU-stack, "", @progbits
