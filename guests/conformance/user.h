// The scenarios at CPL 3.
#pragma once

// Makes the kernel's pages accessible to user mode, and sets up the task state and SYSCALL.
void initialise_user_mode();

bool check_user_break();
bool check_user_int();
bool check_user_int3();
bool check_user_syscall();
