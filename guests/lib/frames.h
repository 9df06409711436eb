// Assembly macros for functions whose stack use a debugger can follow: each push and pop comes with the call frame
// information that `bt` unwinds by. WORD is the size of a push in bytes. For 32-bit and 64-bit code alike.

#ifdef __x86_64__
#define WORD 8
#else
#define WORD 4
#endif

    .cfi_sections .debug_frame

    // Push and pop, where the value is not a register that the caller wants back.
    .macro push_value operand:vararg
    push \operand
    .cfi_adjust_cfa_offset WORD
    .endm

    .macro pop_value operand:vararg
    pop \operand
    .cfi_adjust_cfa_offset -WORD
    .endm

    .macro push_register name
    push_value %\name
    .cfi_rel_offset \name, 0
    .endm

    .macro pop_register name
    pop_value %\name
    .cfi_restore \name
    .endm
