// Selectors of the table in boot64.S (and, up to the data segment, of the one in boot32.S). Assembly reads
// this file too.
#pragma once

#define KERNEL_CODE 0x08
#define KERNEL_DATA 0x10
#define USER_BASE 0x18  // SYSRET adds 8 for SS and 16 for CS
#define USER_DATA 0x20
#define USER_CODE 0x28
#define TASK_STATE 0x30
