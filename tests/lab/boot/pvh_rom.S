/*
 * An option ROM that starts Linux in Bochs, with neither a disk nor a boot loader.
 *
 * Bochs can place one file in guest memory before it starts (optramimage1), and the BIOS calls every option ROM at the
 * end of its own work. So the kernel and its initramfs are in memory already, uncompressed, and this ROM has three
 * things to do: ask the BIOS for the memory map, make Bochs see the whole file, and enter the kernel at its PVH entry
 * point (https://xenbits.xen.org/docs/unstable/misc/pvh.html). ringlab/bochs_image.py makes the file and says why its
 * blocks must be touched in order.
 */
        .set ROM_BASE, 0xd0000          /* where bochsrc puts this ROM */
        .set MEMORY_MAP, 0x10000        /* filled here; hvm_memmap_table_entry is an e820 entry with 4 bytes of padding */
        .set MEMORY_MAP_STRIDE, 24
        .set BOOT_BLOCK, 0x100000       /* first block of the file: hvm_start_info, then what is for this ROM */
        .set MEMORY_MAP_ENTRIES, 48     /* offset in hvm_start_info */
        .set ENTRY_POINT, 0x60          /* offset in the boot block: 32-bit address of the kernel's entry */
        .set RANGES, 0x64               /* offset in the boot block: pairs of address and number of blocks, ends at 0 */
        .set BLOCK, 0x20000             /* the unit in which Bochs gives memory to the guest */
        .set SPARE_MEMORY, 0x30000000   /* guest memory that nobody has used so far */
        .set LAST_SPARE, 0x444e4553     /* first word of the last block before the kernel's */
        .set CODE, 8
        .set DATA, 16

        .code16
        .globl _start
_start: .byte 0x55, 0xaa, 1             /* option ROM signature, length in units of 512 bytes; the BIOS calls offset 3 */
        cli
        cld

        mov $(MEMORY_MAP >> 4), %ax
        mov %ax, %es
        xor %di, %di
        xor %ebx, %ebx
        xor %bp, %bp
next_region:
        mov $0xe820, %eax               /* INT 15h, E820h: one region per call, EBX continues */
        mov $0x534d4150, %edx
        mov $20, %ecx
        int $0x15
        jc enter_protected_mode
        inc %bp
        add $MEMORY_MAP_STRIDE, %di
        test %ebx, %ebx
        jnz next_region

enter_protected_mode:
        cli
        mov $2, %al                     /* port 92h bit 1: the A20 gate */
        out %al, $0x92
        lgdtl %cs:gdt_pointer
        mov %cr0, %eax
        or $1, %al
        mov %eax, %cr0
        ljmpl $CODE, $(ROM_BASE + protected_mode)

        .code32
protected_mode:
        mov $DATA, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $BOOT_BLOCK, %ebx           /* PVH: EBX is the address of hvm_start_info */
        movzx %bp, %ebp
        mov %ebp, MEMORY_MAP_ENTRIES(%ebx)

        mov $SPARE_MEMORY, %esi         /* use up the spare blocks that the BIOS left */
spare_block:
        mov (%esi), %eax
        add $BLOCK, %esi
        cmp $LAST_SPARE, %eax
        jne spare_block

        lea RANGES(%ebx), %edi
next_range:
        mov (%edi), %esi
        mov 4(%edi), %ecx
        add $8, %edi
        jecxz enter_kernel
next_block:
        mov (%esi), %eax
        add $BLOCK, %esi
        loop next_block
        jmp next_range

enter_kernel:
        jmp *ENTRY_POINT(%ebx)

        .balign 8
gdt:    .quad 0
        .quad 0x00cf9b000000ffff        /* flat 32-bit code */
        .quad 0x00cf93000000ffff        /* flat data */
gdt_pointer:
        .word . - gdt - 1
        .long ROM_BASE + gdt
