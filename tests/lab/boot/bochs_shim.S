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
 * Bochs exports all its functions. One that another build lacks is null here, and what needs it is left out.
 */
        .set SIGUSR2, 12
        .set ACTIVE, 0                  /* BX_CPU_C::activity_state: neither halted nor in MWAIT */
        .set PATIENCE, 2000             /* calls of select() in a row that find the machine idle and no input */
        .set IDLE_MICROSECONDS, 100     /* how long each call after those may wait */

        .weak SIM, bx_cpu_array
        .weak _ZN13bx_real_sim_c10save_stateEPKc
        .weak _ZN13bx_real_sim_c13get_param_numEPKcP10bx_param_c
        .weak _ZN15bx_shadow_num_c5get64Ev
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

        .globl select
select: push    %rbx
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
        sub     $8, %rsp
        mov     activity(%rip), %rdi
        test    %rdi, %rdi
        jnz     1f
        load_sim
        load_function _ZN13bx_real_sim_c13get_param_numEPKcP10bx_param_c
        lea     activity_name(%rip), %rsi
        xor     %edx, %edx
        call    *%rax
        test    %rax, %rax
        jz      9f
        mov     %rax, activity(%rip)
        mov     %rax, %rdi
1:      load_function _ZN15bx_shadow_num_c5get64Ev
        call    *%rax
        add     $8, %rsp
        cmp     $ACTIVE, %rax
        ret
9:      add     $8, %rsp
        xor     %eax, %eax
        ret

        .section .init_array, "aw"
        .quad   start
        .section .rodata
folder_variable:
        .asciz "RINGSIDE_SAVE_TO"
idle_variable:
        .asciz "RINGSIDE_IDLE"
activity_name:
        .asciz "bochs.cpu0.activity_state"
        .bss
        .balign 8
activity:
        .quad 0
idle_calls:
        .long 0
may_idle:
        .byte 0
        .section .note.GNU-stack, "", @progbits
