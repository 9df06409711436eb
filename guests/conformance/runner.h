// Runs scenarios and counts their results.
#pragma once

#include <stdint.h>

#include "guests/lib/command_line.h"

// Not every kernel has every scenario: only long mode has wide watchpoints and user mode.
enum class Test : uint32_t {
    All,  // every one that returns
    Break,
    Execute,
    Watch,
    Plain,
    RepMovsb,
    Pushf,
    Popf,
    MovSs,
    Registers,
    Iret,
    Int,
    Hlt,
    Pending,
    OwnInt3,
    OwnStep,
    OwnExecute,
    OwnWrite,
    UserBreak,
    UserInt,
    UserInt3,
    UserSyscall,
    TightLoop,
    OpenLoop,
    HltLoop,
    TripleFault,
};

struct Scenario {
    Test test;
    const char* name;
    bool (*run)();  // the guest's own view of it: whether everything is as it should be
    bool stays;     // does not return, and so runs only when selected
};

struct Result {
    Test test;
    uint32_t runs;
    uint32_t failures;
};

inline constexpr unsigned kMaximumScenarios = 32;

// What runs next. A debugger that has stopped in ready() may set it: `set var selected_test = Test::Hlt`.
extern volatile Test selected_test;

// One row for each scenario, in the order of the kernel's table.
extern Result results[kMaximumScenarios];

// Called before each round, for a breakpoint.
extern "C" void ready();

// Runs rounds of the selected scenarios as the command line says (README.md), then leaves through the
// debug-exit port: kPassed if every run of every scenario was right.
[[noreturn]] void run_scenarios(const Scenario* table, unsigned count, const guest::CommandLine& options);
