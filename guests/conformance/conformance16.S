// conformance16: the debugger's conformance scenarios in real mode. See README.md.
//
// A flat image, loaded and entered at 0x7c00. The labels have the same names as in sites.S. There is no command line:
// a debugger that is stopped at `ready` may set selected_test (0 = all, n = the n-th row of `scenarios`)
// and rounds. After the last round the guest leaves through the debug-exit port, with 0x10 if all was right.

#include "guests/conformance/sites.inc"

    .set COM1, 0x3f8
    .set DEBUG_EXIT, 0xf4
    .set PASSED, 0x10
    .set FAILED, 0x11
    .set VECTOR_DEBUG, 1
    .set VECTOR_BREAKPOINT, 3
    .set VECTOR_TIMER, 0x20
    .set VECTOR_SOFTWARE, 0x60
    .set TIMER_DIVISOR, 11931       // 100 Hz
    .set TRAP_FLAG, 0x100
    .set POPPED_FLAGS, 0x8d7        // OF SF ZF AF PF CF and the bit that is always set
    .set PATIENCE, 0xffff
    .set ROW_BYTES, 6               // of `scenarios`
    .set ROW_STAYS, 4

    .code16
    .text
site start
    ljmp $0, $main
site main
    cli
    cld
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7c00, %sp
    call install_handlers
    call start_timer
    movw $text_name, %si
    call print
next_round:
    call ready
    call run_selected
    decw rounds
    jnz next_round
    movw $text_done, %si
    call print
    movb $PASSED, %al
    cmpw $0, failures
    je leave
    movb $FAILED, %al
leave:
    outb %al, $DEBUG_EXIT
halt:
    cli
    hlt
    jmp halt

site ready
    ret

// Calls every selected scenario of the table. Each returns with ZF set if all was right.
run_selected:
    movw $1, current_test
    movw $scenarios, %bx
1:  movw current_test, %ax
    cmpw $0, selected_test
    je 2f
    cmpw %ax, selected_test
    je 3f
    jmp 4f
2:  cmpw $0, ROW_STAYS(%bx)
    jne 4f
3:  pushw %bx
    call *(%bx)
    popw %bx
    call report
4:  addw $ROW_BYTES, %bx
    incw current_test
    cmpw $scenarios_end, %bx
    jb 1b
    ret

// ZF: passed. BX: the row.
report:
    movw $text_ok, %si
    jz 1f
    incw failures
    movw $text_not_ok, %si
1:  call print
    movw 2(%bx), %si
    call print
    movw $text_newline, %si

// Prints the string at DS:SI.
print:
    lodsb
    testb %al, %al
    jz 2f
    movb %al, %ah
    movw $COM1 + 5, %dx
1:  inb %dx, %al
    testb $0x20, %al
    jz 1b
    movw $COM1, %dx
    movb %ah, %al
    outb %al, %dx
    jmp print
2:  ret

check_break:
    movw $1, %ax
site break_site
    addw $2, %ax
site after_break
    addw $4, %ax
    cmpw $7, %ax
    ret

check_execute:
    movw $1, %ax
site execute_site
    addw $2, %ax
site after_execute
    addw $4, %ax
    cmpw $7, %ax
    ret

check_watch:
    writes_up_to_32_bits
site read8
    movb watch8, %al
site after_read8
    cmpb $0x11, %al
    jne 1f
site read16
    movw watch16, %ax
site after_read16
    cmpw $0x2222, %ax
    jne 1f
site read32
    movl watch32, %eax
site after_read32
    cmpl $0x44444444, %eax
1:  ret

check_plain:
    xorw %ax, %ax
site plain_site
    incw %ax
    incw %ax
    incw %ax
    incw %ax
    incw %ax
    incw %ax
    incw %ax
    incw %ax
site after_plain
    cmpw $8, %ax
    ret

check_rep_movsb:
    movw $rep_source, %si
    movw $rep_target, %di
    movw $16, %cx
site rep_movsb_site
    rep movsb
site after_rep_movsb
    movw $rep_source, %si
    movw $rep_target, %di
    movw $16, %cx
    repe cmpsb
    ret

check_pushf:
site pushf_site
    pushfw
site after_pushf
    popw %ax
    testw $TRAP_FLAG, %ax
    ret

check_popf:
    pushw $POPPED_FLAGS
site popf_site
    popfw
site after_popf
    pushfw
    popw %ax
    andw $POPPED_FLAGS | TRAP_FLAG, %ax
    cmpw $POPPED_FLAGS, %ax
    ret

check_mov_ss:
    xorw %ax, %ax
    movw %ss, %cx
site mov_ss_site
    movw %cx, %ss
site mov_ss_shadow
    incw %ax
site after_mov_ss
    incw %ax
    cmpw $2, %ax
    ret

check_iret:
    xorw %ax, %ax
    pushfw
    pushw %cs
    pushw $after_iret
site iret_site
    iretw
    hlt
site after_iret
    cmpw $0, %ax
    ret

check_int:
    xorw %ax, %ax
site int_site
    int $VECTOR_SOFTWARE
site after_int
    cmpw $0x77, %ax
    ret

check_hlt:
    movw ticks, %cx
    sti
site hlt_site
    hlt
site after_hlt
    cli
    jmp has_ticked

check_pending:
    movw ticks, %cx
1:  movb $0x0a, %al                 // read the interrupt requests ...
    outb %al, $0x20
    inb $0x20, %al
    testb $1, %al                   // ... until the timer's line is among them
    jz 1b
site pending_site
    sti
site pending_shadow
    nop
site after_pending
    nop
    movw $PATIENCE, %dx             // a CPU in software may take it a little later
2:  cmpw ticks, %cx
    jne 3f
    decw %dx
    jnz 2b
3:  cli

// ZF if the timer's count differs from CX.
has_ticked:
    subw ticks, %cx
    cmpw $1, %cx
    sbbw %ax, %ax                   // 0 if it differs
    testw %ax, %ax
    ret

check_own_int3:
    movw breakpoints_taken, %cx
site own_int3_site
    int3
    int3
    int3
site after_own_int3
    addw $3, %cx
    cmpw breakpoints_taken, %cx
    ret

check_own_step:
    movw debug_traps_taken, %cx
    pushfw
    pushfw
    movw %sp, %bp
    orw $TRAP_FLAG, (%bp)
    popfw
site own_step_site
    nop
    popfw
site after_own_step
    nop
    addw $2, %cx
    cmpw debug_traps_taken, %cx
    ret

check_own_execute:
    movw debug_traps_taken, %cx
    movl $own_execute_site, %eax
    movl %eax, %dr0
    movl $0x401, %eax
    movl %eax, %dr7
site own_execute_site
    nop
site after_own_execute
    movl $0x400, %eax
    movl %eax, %dr7
    incw %cx
    cmpw debug_traps_taken, %cx
    ret

check_own_write:
    movw debug_traps_taken, %cx
    movl $own_watched, %eax
    movl %eax, %dr1
    movl $0xd00404, %eax            // DR1: write, four bytes
    movl %eax, %dr7
site own_write_site
    movl $0x12345678, own_watched
site after_own_write
    nop
    movl $0x400, %eax
    movl %eax, %dr7
    incw %cx
    cmpw debug_traps_taken, %cx
    ret

check_tight_loop:
site tight_loop
    incw loop_count
    cmpw $0, leave_loop
    je tight_loop
    xorw %ax, %ax
    movw %ax, leave_loop
    ret

// The same with interrupts enabled, though the controllers let none through.
check_open_loop:
    movb $0xff, %al
    outb %al, $0x21
    outb %al, $0xa1
    sti
    call check_tight_loop
    cli
    ret

check_hlt_loop:
site hlt_loop
    incw loop_count
    sti
    hlt
    cli
    cmpw $0, leave_loop
    je hlt_loop
    xorw %ax, %ax
    movw %ax, leave_loop
    ret

// Real mode cannot shut down as long as its IDT has a limit: a limit of 0 leaves no vector, not even for #DF.
check_triple_fault:
    lidtw no_idt
site triple_fault_site
    int3

on_debug_trap:
    incw debug_traps_taken
    pushl %eax
    movl $0xffff0ff0, %eax
    movl %eax, %dr6
    xorl %eax, %eax                 // real mode's IRET cannot set RF: an execute breakpoint would come again
    movl %eax, %dr0
    popl %eax
    iretw

on_breakpoint:
    incw breakpoints_taken
    iretw

on_software_interrupt:
    movw $0x77, %ax
    iretw

on_timer:
    incw ticks
    pushw %ax
    movb $0x20, %al
    outb %al, $0x20
    popw %ax
    iretw

install_handlers:
    movw $on_debug_trap, VECTOR_DEBUG * 4
    movw $0, VECTOR_DEBUG * 4 + 2
    movw $on_breakpoint, VECTOR_BREAKPOINT * 4
    movw $0, VECTOR_BREAKPOINT * 4 + 2
    movw $on_timer, VECTOR_TIMER * 4
    movw $0, VECTOR_TIMER * 4 + 2
    movw $on_software_interrupt, VECTOR_SOFTWARE * 4
    movw $0, VECTOR_SOFTWARE * 4 + 2
    ret

// The interrupt controllers' lines go to VECTOR_TIMER and up, all masked but the timer's. See lib/timer.cpp.
start_timer:
    movw $pic_setup, %si
1:  lodsw                           // AL: port, AH: value
    testb %al, %al
    jz 2f
    movzbw %al, %dx
    movb %ah, %al
    outb %al, %dx
    jmp 1b
2:  ret

    .data
    .globl selected_test, rounds, current_test, failures, ticks, breakpoints_taken, debug_traps_taken
    .globl watch8, watch16, watch32, rep_source, rep_target, own_watched, leave_loop, loop_count, scenarios
    .balign 4
watch32: .long 0
watch16: .word 0, 0
watch8: .byte 0, 0, 0, 0
own_watched: .long 0
selected_test: .word 0
rounds: .word 1
current_test: .word 0
failures: .word 0
ticks: .word 0
breakpoints_taken: .word 0
debug_traps_taken: .word 0
leave_loop: .word 0
loop_count: .word 0
no_idt: .word 0, 0, 0
rep_source: .ascii "sixteen bytes..."
rep_target: .fill 16, 1, 0
pic_setup:
    .byte 0x20, 0x11, 0x21, VECTOR_TIMER, 0x21, 4, 0x21, 1
    .byte 0xa0, 0x11, 0xa1, VECTOR_TIMER + 8, 0xa1, 2, 0xa1, 1
    .byte 0x21, 0xfe, 0xa1, 0xff
    .byte 0x43, 0x34, 0x40, TIMER_DIVISOR & 0xff, 0x40, TIMER_DIVISOR >> 8
    .byte 0, 0

text_name: .asciz "conformance16\n"
text_done: .asciz "done\n"
text_ok: .asciz "ok "
text_not_ok: .asciz "not ok "
text_newline: .asciz "\n"

    // Function, name, and 1 if it does not return, so that it runs only when selected.
    .macro scenario name stays=0
    .pushsection .rodata
name_\name: .asciz "\name"
    .popsection
    .word check_\name, name_\name, \stays
    .endm
scenarios:
    scenario break
    scenario execute
    scenario watch
    scenario plain
    scenario rep_movsb
    scenario pushf
    scenario popf
    scenario mov_ss
    scenario iret
    scenario int
    scenario hlt
    scenario pending
    scenario own_int3
    scenario own_step
    scenario own_execute
    scenario own_write
    scenario tight_loop 1
    scenario open_loop 1
    scenario hlt_loop 1
    scenario triple_fault 1
scenarios_end:

    .section .note.GNU-stack, "", @progbits
