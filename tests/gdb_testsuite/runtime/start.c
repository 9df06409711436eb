// What happens before main() and after it: arguments, constructors, the exit status.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/gdb_testsuite/runtime/ports.h"

enum { DEBUG_EXIT_PORT = 0xf4, KEYBOARD_COMMAND = 0x64, PULSE_RESET_LINE = 0xfe };
enum { MAX_ARGUMENTS = 32, MAX_AT_EXIT = 32, COMMAND_LINE = 1024 };

// Xen's start_info.h, as far as it is needed here.
struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line;
};

typedef void (*function)(void);
extern function __preinit_array_start[], __preinit_array_end[];
extern function __init_array_start[], __init_array_end[];
extern function __fini_array_start[], __fini_array_end[];
int main(int argc, char** argv, char** envp);
void start_program(const struct start_info* info);

char* program_invocation_name = "program";
char** environ;
static char command_line[COMMAND_LINE];
static function at_exit[MAX_AT_EXIT];
static int at_exit_count;

// Splits the kernel's command line at its spaces. The first word is the program's name.
static int split_command_line(const char* text, char** arguments) {
    size_t length = 0;
    int count = 0;
    while (text != NULL && text[length] != '\0' && length + 1 < sizeof command_line) {
        command_line[length] = text[length];
        ++length;
    }
    for (char* at = command_line; *at != '\0' && count < MAX_ARGUMENTS;) {
        if (*at == ' ') {
            *at++ = '\0';
            continue;
        }
        arguments[count++] = at;
        while (*at != '\0' && *at != ' ')
            ++at;
    }
    return count > 0 ? count : 1;
}

void start_program(const struct start_info* info) {
    // On the stack, as on Unix: gdb would show the names of variables.
    char* no_environment[1] = {NULL};
    char* arguments[MAX_ARGUMENTS + 1] = {program_invocation_name};
    const int count = split_command_line((const char*)(uintptr_t)info->command_line, arguments);
    environ = no_environment;
    for (function* at = __init_array_start; at != __init_array_end; ++at)
        (*at)();
    exit(main(count, arguments, environ));
}

int atexit(function called) {
    if (at_exit_count == MAX_AT_EXIT)
        return -1;
    at_exit[at_exit_count++] = called;
    return 0;
}

void exit(int status) {
    while (at_exit_count > 0)
        at_exit[--at_exit_count]();
    for (function* at = __fini_array_end; at != __fini_array_start;)
        (*--at)();
    _Exit(status);
}

// The board's --on-reset exit makes a reset the exit status 0. N written to the debug exit port is the exit status 2N + 1.
void _Exit(int status) {
    if (status == 0)
        out8(KEYBOARD_COMMAND, PULSE_RESET_LINE);
    out8(DEBUG_EXIT_PORT, (uint8_t)status);
    for (;;)
        __asm__ volatile("cli; hlt");
}

void _exit(int status) {
    _Exit(status);
}

// A Unix program would be ended by SIGABRT.
void abort(void) {
    _Exit(134);
}
