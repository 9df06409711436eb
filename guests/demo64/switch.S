// From one stack to another.

#include "guests/lib/frames.inc"

    .text

// void switch_context(void** save_stack_pointer, void* next_stack_pointer)
//
// Saves what the calling convention asks a function to keep, swaps stacks, and restores the same from the other
// one. Both stacks have the same layout, so the CFI holds before and after the swap.
    .globl switch_context
    .type switch_context, @function
switch_context:
    .cfi_startproc
    push_register rbp
    push_register rbx
    push_register r12
    push_register r13
    push_register r14
    push_register r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    pop_register r15
    pop_register r14
    pop_register r13
    pop_register r12
    pop_register rbx
    pop_register rbp
    ret
    .cfi_endproc
    .size switch_context, . - switch_context

// Where a new task's first switch_context() returns to.
    .globl task_entry
    .type task_entry, @function
task_entry:
    .cfi_startproc
    .cfi_undefined rip              // a task's backtrace ends here
    movq %rbx, %rdi                 // first argument: Task*
    call task_main
    ud2
    .cfi_endproc
    .size task_entry, . - task_entry

    .section .note.GNU-stack, "", @progbits
