// Into L2 and back. Neither processor saves the general registers: they are exchanged here.

#define VMCS_HOST_RSP 0x6c14

    .cfi_sections .debug_frame

    .macro save_own
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    .cfi_adjust_cfa_offset 48
    .endm

    .macro restore_own
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    .cfi_adjust_cfa_offset -48
    .endm

    // L2Registers at RDI, which comes last. MOV leaves the flags alone.
    .macro load_l2
    movq 8(%rdi), %rbx
    movq 16(%rdi), %rcx
    movq 24(%rdi), %rdx
    movq 32(%rdi), %rsi
    movq 48(%rdi), %rbp
    movq 56(%rdi), %r8
    movq 64(%rdi), %r9
    movq 72(%rdi), %r10
    movq 80(%rdi), %r11
    movq 88(%rdi), %r12
    movq 96(%rdi), %r13
    movq 104(%rdi), %r14
    movq 112(%rdi), %r15
    .endm

    // The address of L2Registers is on the stack, L2's RDI takes its place.
    .macro store_l2
    xchgq %rdi, (%rsp)
    movq %rbx, 8(%rdi)
    movq %rcx, 16(%rdi)
    movq %rdx, 24(%rdi)
    movq %rsi, 32(%rdi)
    movq %rbp, 48(%rdi)
    movq %r8, 56(%rdi)
    movq %r9, 64(%rdi)
    movq %r10, 72(%rdi)
    movq %r11, 80(%rdi)
    movq %r12, 88(%rdi)
    movq %r13, 96(%rdi)
    movq %r14, 104(%rdi)
    movq %r15, 112(%rdi)
    popq %rcx
    .cfi_adjust_cfa_offset -8
    movq %rcx, 40(%rdi)
    .endm

    .text
    // unsigned vmx_enter(L2Registers&, bool resume): 0 after a VM exit, 1 for VMfailInvalid, 2 for VMfailValid.
    .globl vmx_enter, vmx_exit
    .type vmx_enter, @function
vmx_enter:
    .cfi_startproc
    save_own
    pushq %rdi
    .cfi_adjust_cfa_offset 8
    movl $VMCS_HOST_RSP, %eax
    vmwrite %rsp, %rax
    testb %sil, %sil
    load_l2
    movq 0(%rdi), %rax
    movq 40(%rdi), %rdi
    jnz 1f
    vmlaunch
    jmp 2f
1:  vmresume
2:  popq %rdi                       // still here: the VM entry failed, and the flags say how
    .cfi_adjust_cfa_offset -8
    movl $1, %eax
    jc 3f
    movl $2, %eax
3:  restore_own
    ret
    .cfi_adjust_cfa_offset 56
vmx_exit:                           // where the processor continues after a VM exit
    store_l2
    movq %rax, 0(%rdi)
    restore_own
    xorl %eax, %eax
    ret
    .cfi_endproc
    .size vmx_enter, . - vmx_enter

    // void svm_enter(L2Registers&, uint64_t vmcb). RAX is in the VMCB.
    .globl svm_enter, svm_run
    .type svm_enter, @function
svm_enter:
    .cfi_startproc
    save_own
    pushq %rdi
    .cfi_adjust_cfa_offset 8
    movq %rsi, %rax
    load_l2
    movq 40(%rdi), %rdi
svm_run:
    clgi
    vmrun %rax
    stgi
    store_l2
    restore_own
    ret
    .cfi_endproc
    .size svm_enter, . - svm_enter

    .section .note.GNU-stack, "", @progbits
