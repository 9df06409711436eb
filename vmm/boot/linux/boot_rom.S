# An option ROM that gives a BIOS a boot device (Plug and Play BIOS Specification 1.0A, chapter 3): the Linux kernel in
# fw_cfg. It copies each part of the kernel to its address and enters the setup code, as boot.rst's "Running the Kernel"
# describes.

        .set    DMA_PORT, 0x518         # the low half of a descriptor's address; the high half is 0
        .set    DMA_SELECT_AND_READ, 0x0a
        .set    DMA_ERROR, 0x01000000   # as a big-endian word is read here
        .set    STACK_TOP, 0xe000       # kStackTop in real_mode.cpp

        # The frame at BP: a descriptor for fw_cfg, and the two words that were read for a part.
        .set    CONTROL, 0
        .set    LENGTH, 4
        .set    ADDRESS_HIGH, 8
        .set    ADDRESS, 12
        .set    PIECE_ADDRESS, 16
        .set    PIECE_SIZE, 20
        .set    FRAME, 24

        .section .rodata
        .code16
        .globl  kBootRomStart
        .globl  kBootRomEnd
        .balign 16
kBootRomStart:
        .byte   0x55, 0xaa
        .byte   (kBootRomEnd - kBootRomStart) / 512
        xorw    %ax, %ax                # initialisation: there is none
        lret
        .byte   0                       # kBootRomChecksum

        .org    0x18
        .word   0                       # no PCI data
        .word   plug_and_play - kBootRomStart

        .org    0x20
plug_and_play:
        .ascii  "$PnP"
        .byte   1, 2                    # revision; length in units of 16 bytes
        .word   0                       # no other header
        .byte   0
        .byte   0x17                    # makes the sum of the 32 bytes 0
        .long   0                       # device id
        .word   0                       # manufacturer
        .word   product - kBootRomStart
        .byte   0, 0, 0                 # type
        .byte   0x14                    # boots a system, and is used for nothing else
        .word   0, 0                    # boot connection and disconnect vectors
        .word   boot - kBootRomStart
        .word   0, 0

        .org    0x40
product:
        .asciz  "Linux, from the command line"

        .org    0x60
boot:
        cld
        pushw   %cs
        popw    %ds
        subw    $FRAME, %sp
        movw    %sp, %bp
        xorl    %ebx, %ebx              # EBX: the descriptor's address as the port wants it
        movw    %ss, %bx
        shll    $4, %ebx
        movzwl  %bp, %eax
        addl    %eax, %ebx
        bswapl  %ebx

        movw    $(pieces - kBootRomStart), %si
next_piece:
        movl    $PIECE_ADDRESS, %edi
        call    fetch_word
        movl    $PIECE_SIZE, %edi
        call    fetch_word
        lodsw
        movl    PIECE_SIZE(%bp), %ecx
        movl    PIECE_ADDRESS(%bp), %edi
        call    fetch
        cmpw    $(end_of_pieces - kBootRomStart), %si
        jb      next_piece

        movl    PIECE_ADDRESS(%bp), %eax        # the last piece is the setup code
        shrl    $4, %eax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss
        movw    $STACK_TOP, %sp
        addw    $0x20, %ax
        pushw   %ax
        pushw   $0
        lret

# Reads the 4-byte item whose key is at SI to DI in the frame.
fetch_word:
        lodsw
        movl    $4, %ecx
        movl    %ebx, %edx
        bswapl  %edx
        addl    %edx, %edi

# Reads ECX bytes of item AX to EDI.
fetch:
        xchgb   %ah, %al                # all is big-endian
        movw    %ax, CONTROL(%bp)
        movw    $(DMA_SELECT_AND_READ << 8), CONTROL+2(%bp)
        bswapl  %ecx
        movl    %ecx, LENGTH(%bp)
        movl    $0, ADDRESS_HIGH(%bp)
        bswapl  %edi
        movl    %edi, ADDRESS(%bp)
        movl    %ebx, %eax
        movw    $DMA_PORT, %dx
        outl    %eax, %dx
fetching:
        movl    CONTROL(%bp), %eax
        testl   $~DMA_ERROR, %eax
        jnz     fetching
        testl   %eax, %eax
        jnz     failed
        ret

failed:
        movw    $(message - kBootRomStart), %si
character:
        lodsb
        testb   %al, %al
        jz      no_boot
        movb    $0x0e, %ah              # teletype output
        movw    $7, %bx
        int     $0x10
        jmp     character
no_boot:
        int     $0x18                   # the next device

# Keys of address, size and bytes (vmm/machine/fw_cfg_items.h).
pieces:
        .word   0x07, 0x08, 0x11        # the kernel's protected-mode code
        .word   0x13, 0x14, 0x15        # its command line
        .word   0x0a, 0x0b, 0x12        # the initrd
        .word   0x16, 0x17, 0x18        # its setup code
end_of_pieces:

message:
        .asciz  "fw_cfg could not copy the kernel to its place\r\n"

        .balign 512
kBootRomEnd:

        .section .note.GNU-stack, "", @progbits
