// setjmp() and longjmp(): RBX, RBP, R12-R15, RSP and the return address, at the start of a jmp_buf.

    .text
    .globl setjmp, _setjmp, longjmp, _longjmp
    .type setjmp, @function
    .type longjmp, @function
setjmp:
_setjmp:
    .cfi_startproc
    movq %rbx, 0(%rdi)
    movq %rbp, 8(%rdi)
    movq %r12, 16(%rdi)
    movq %r13, 24(%rdi)
    movq %r14, 32(%rdi)
    movq %r15, 40(%rdi)
    leaq 8(%rsp), %rax
    movq %rax, 48(%rdi)
    movq (%rsp), %rax
    movq %rax, 56(%rdi)
    xorl %eax, %eax
    ret
    .cfi_endproc
    .size setjmp, . - setjmp

longjmp:
_longjmp:
    .cfi_startproc
    movl $1, %eax
    testl %esi, %esi
    cmovnel %esi, %eax              // longjmp(buffer, 0) returns 1
    movq 0(%rdi), %rbx
    movq 8(%rdi), %rbp
    movq 16(%rdi), %r12
    movq 24(%rdi), %r13
    movq 32(%rdi), %r14
    movq 40(%rdi), %r15
    movq 48(%rdi), %rsp
    jmp *56(%rdi)
    .cfi_endproc
    .size longjmp, . - longjmp

    .section .note.GNU-stack, "", @progbits
