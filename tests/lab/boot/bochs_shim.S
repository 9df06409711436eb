/*
 * What Debian's Bochs 2.7 lacks for the lab, loaded into it with LD_PRELOAD.
 *
 * 1. SIGUSR2 saves the machine's state into the folder that RINGSIDE_SAVE_TO names and ends Bochs, with status 0 if it
 *    could. Bochs can save, but only windows of its graphical displays ask it to. The machine must stand still: at the
 *    prompt of Bochs's debugger.
 *
 * 2. Interrupts reach a guest that runs with IF clear. With external-interrupt exiting, IF does not block them; but at a VM
 *    entry Bochs works out what is blocked before it counts the CPU as in a guest. So a guest that is entered with IF clear
 *    and never changes it would hold back every interrupt of the machine. Here Bochs is told to work it out again, each
 *    time that it looks for input on a serial line (with select(), about 10,000 times an emulated second).
 *
 * 3. With RINGSIDE_IDLE set, a machine that idles waits for input on its serial lines instead of counting idle instructions
 *    as fast as it can. Someone outside talks to it and may think for long.
 *
 * 4. The lines from ttyS1 on take a byte in 10 emulated microseconds instead of 87, and in 1 while bytes are sent and none arrive.
 *    Bochs looks for input as often: always 1 would slow the machine down. A full receive FIFO takes no more. While nothing
 *    arrives, only each eighth look for input is a real one: looking so often would cost more than it gains. Bytes that arrived as
 *    fast as Linux takes them would be lost, or hang the line: Linux's interrupt handler would end at its limit with the interrupt
 *    still raised, and no other one would come.
 *
 * 5. A saved machine's memory is read from the file that RINGSIDE_MEMORY names. Bochs has a file for the memory that it swaps out.
 *    When it restores a machine, it first fills that one with a copy of all of the saved memory. A restored machine swaps nothing
 *    out, so the saved file itself takes its place.
 *
 * Bochs exports all its functions. One that another build lacks is null here, and what needs it is left out.
 */
        .set SIGUSR2, 12
        .set ACTIVE, 0                  /* BX_CPU_C::activity_state: neither halted nor in MWAIT */
        .set BYTE_MICROSECONDS, 10
        .set BUSY_BYTE_MICROSECONDS, 1
        .set BUSY, 400                  /* after a sent byte the lines count as busy for so many calls of select() */
        .set FIFO_ROOM, 12              /* bytes in a receive FIFO of 16 at which no more are taken */
        .set SKIPPED, 7                 /* mask of the calls of select() that look for nothing */
        .set EAGER, 256                 /* calls after an input that all look */
        .set PATIENCE, 2000             /* calls of select() in a row that find the machine idle and no input */
        .set IDLE_MICROSECONDS, 100     /* how long each call after those may wait */

        .weak SIM, bx_cpu_array
        .weak _ZN13bx_real_sim_c10save_stateEPKc
        .weak _ZN13bx_real_sim_c13get_param_numEPKcP10bx_param_c
        .weak _ZN15bx_shadow_num_c5get64Ev
        .weak _ZN15bx_shadow_num_c3setEl
        .weak _ZN8BX_CPU_C25handleInterruptMaskChangeEv

        .macro load_function name       /* into RAX; jumps to 9f if Bochs lacks it */
        mov     \name@GOTPCREL(%rip), %rax
        test    %rax, %rax
        jz      9f
        .endm

        .macro load_sim                 /* the simulator interface into RDI */
        mov     SIM@GOTPCREL(%rip), %rdi
        test    %rdi, %rdi
        jz      9f
        mov     (%rdi), %rdi
        test    %rdi, %rdi
        jz      9f
        .endm

        .text
start:  sub     $8, %rsp
        mov     $SIGUSR2, %edi
        lea     save(%rip), %rsi
        call    signal@PLT
        lea     idle_variable(%rip), %rdi
        call    getenv@PLT
        test    %rax, %rax
        setnz   may_idle(%rip)
        add     $8, %rsp
        ret

save:   sub     $8, %rsp
        lea     folder_variable(%rip), %rdi
        call    getenv@PLT
        test    %rax, %rax
        jz      9f
        mov     %rax, %rsi
        load_sim
        load_function _ZN13bx_real_sim_c10save_stateEPKc
        call    *%rax
        xor     $1, %eax
        movzbl  %al, %edi
        call    _exit@PLT
9:      mov     $1, %edi
        call    _exit@PLT

        .globl tmpfile64
tmpfile64:
        sub     $8, %rsp
        lea     memory_variable(%rip), %rdi
        call    getenv@PLT
        add     $8, %rsp
        test    %rax, %rax
        jz      tmpfile@PLT
        mov     %rax, %rdi
        lea     read_only(%rip), %rsi
        jmp     fopen64@PLT

        .globl write
write:  cmp     $1, %rdx                /* so Bochs sends a byte on a line */
        jne     __write@PLT
        cmpl    $0, eager_calls(%rip)
        jne     __write@PLT
        movl    $BUSY, busy_calls(%rip)
        jmp     __write@PLT

        .globl select
select: cmpl    $0, busy_calls(%rip)
        je      1f
        decl    busy_calls(%rip)
1:      cmpl    $0, eager_calls(%rip)
        jne     1f
        incl    calls(%rip)
        testl   $SKIPPED, calls(%rip)
        jz      look
        xor     %eax, %eax
        ret
1:      decl    eager_calls(%rip)
look:   push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        mov     %rdi, %rbx
        mov     %rsi, %rbp
        mov     %rdx, %r12
        mov     %rcx, %r13
        mov     %r8, %r14
        call    unblock_interrupts
        call    hasten_lines            /* returns with ZF set if a FIFO has no room */
        jz      nothing
        cmpb    $0, may_idle(%rip)
        je      wait
        call    is_idle                 /* returns with ZF set if the CPU is active */
        jz      stay_awake
        cmpl    $PATIENCE, idle_calls(%rip)
        jae     idle
        incl    idle_calls(%rip)
        jmp     wait
idle:   test    %r14, %r14
        jz      wait
        movq    $0, (%r14)
        movq    $IDLE_MICROSECONDS, 8(%r14)
        jmp     wait
stay_awake:
        movl    $0, idle_calls(%rip)
wait:   mov     %rbx, %rdi
        mov     %rbp, %rsi
        mov     %r12, %rdx
        mov     %r13, %rcx
        mov     %r14, %r8
        call    __select@PLT
        test    %eax, %eax
        jle     1f
        movl    $0, idle_calls(%rip)
        movl    $EAGER, eager_calls(%rip)
        movl    $0, busy_calls(%rip)
        jmp     1f
nothing:
        xor     %eax, %eax
1:      pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret

unblock_interrupts:
        sub     $8, %rsp
        mov     bx_cpu_array@GOTPCREL(%rip), %rdi
        test    %rdi, %rdi
        jz      9f
        mov     (%rdi), %rdi            /* BX_CPU_C **: one pointer for each CPU */
        test    %rdi, %rdi
        jz      9f
        mov     (%rdi), %rdi
        test    %rdi, %rdi
        jz      9f
        load_function _ZN8BX_CPU_C25handleInterruptMaskChangeEv
        call    *%rax
9:      add     $8, %rsp
        ret

is_idle:
        lea     activity(%rip), %rdi
        call    read_parameter
        cmp     $ACTIVE, %rax           /* one that cannot be read is -1: not idle, then */
        je      1f
        cmp     $-1, %rax
1:      ret

hasten_lines:
        push    %rbx
        push    %rbp
        sub     $8, %rsp
        mov     $BYTE_MICROSECONDS, %ebp
        mov     $BUSY_BYTE_MICROSECONDS, %eax
        cmpl    $0, busy_calls(%rip)
        cmovne  %eax, %ebp
        lea     line_parameters(%rip), %rbx
next_line:
        mov     %rbx, %rdi
        call    read_parameter
        cmp     $-1, %rax
        je      1f
        cmp     %rbp, %rax
        je      1f
        mov     %ebp, %esi
        mov     (%rbx), %rdi
        load_function _ZN15bx_shadow_num_c3setEl
        call    *%rax
9:
1:      lea     PARAMETER(%rbx), %rdi
        call    read_parameter
        cmp     $FIFO_ROOM, %rax
        jge     full
        add     $(2 * PARAMETER), %rbx
        lea     line_parameters_end(%rip), %rax
        cmp     %rax, %rbx
        jne     next_line
        mov     $1, %eax
        jmp     1f
full:   xor     %eax, %eax
1:      add     $8, %rsp
        pop     %rbp
        pop     %rbx
        test    %eax, %eax
        ret

/* RDI: a parameter as below. Its value in RAX; -1 if there is none. */
read_parameter:
        push    %rbx
        mov     %rdi, %rbx
        mov     (%rbx), %rax
        test    %rax, %rax
        jnz     1f
        load_sim
        load_function _ZN13bx_real_sim_c13get_param_numEPKcP10bx_param_c
        lea     8(%rbx), %rsi
        xor     %edx, %edx
        call    *%rax
        test    %rax, %rax
        jz      9f
        mov     %rax, (%rbx)
1:      load_function _ZN15bx_shadow_num_c5get64Ev
        mov     (%rbx), %rdi
        call    *%rax
        pop     %rbx
        ret
9:      mov     $-1, %rax
        pop     %rbx
        ret

        .section .init_array, "aw"
        .quad   start
        .section .rodata
folder_variable:
        .asciz "RINGSIDE_SAVE_TO"
idle_variable:
        .asciz "RINGSIDE_IDLE"
memory_variable:
        .asciz "RINGSIDE_MEMORY"
read_only:
        .asciz "rb"

        .set PARAMETER, 48              /* a parameter: its address once it is known, its name */
        .macro parameter name
        .quad   0
1:      .asciz  "\name"
        .org    1b + PARAMETER - 8
        .endm

        .data
        .balign 8
activity:
        parameter bochs.cpu0.activity_state
line_parameters:
        parameter bochs.serial.1.databyte_usec
        parameter bochs.serial.1.rx_fifo_end
        parameter bochs.serial.2.databyte_usec
        parameter bochs.serial.2.rx_fifo_end
        parameter bochs.serial.3.databyte_usec
        parameter bochs.serial.3.rx_fifo_end
line_parameters_end:

        .bss
calls:  .long 0
eager_calls:
        .long 0
idle_calls:
        .long 0
busy_calls:
        .long 0
may_idle:
        .byte 0
        .section .note.GNU-stack, "", @progbits
