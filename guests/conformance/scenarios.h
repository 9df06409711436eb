// The scenarios that long mode and protected mode have in common. Each runs a piece of sites.S and checks the
// result from the guest's side, so that it notices any trace of a debugger in flags, memory or counts.
#pragma once

#include "guests/conformance/runner.h"

bool check_break();
bool check_execute();
bool check_watch();
bool check_plain();
bool check_rep_movsb();
bool check_pushf();
bool check_popf();
bool check_mov_ss();
bool check_registers();
bool check_iret();
bool check_int();
bool check_hlt();
bool check_pending();
bool check_own_int3();
bool check_own_step();
bool check_own_execute();
bool check_own_write();
bool check_tight_loop();
bool check_open_loop();  // the same with interrupts enabled, though none comes
bool check_hlt_loop();
bool check_triple_fault();

// Exceptions seen by the guest's own handlers, in all.
extern volatile unsigned long breakpoints_taken;  // #BP
extern volatile unsigned long debug_traps_taken;  // #DB
extern volatile unsigned long debug_traps_dr6;    // DR6 at the last of them
extern volatile unsigned long software_interrupts_taken;

// Installs the handlers and starts the timer; interrupts stay off except where a scenario wants one.
void initialise_scenarios();

// The rows of the table that both kernels share; the kernel's own rows are between the two parts.
// LAST_SCENARIOS are those at which a KVM that emulates CPL 0 may stop, and those that do not return by
// themselves.
#define COMMON_SCENARIOS                                                                                   \
    {Test::Break, "break", check_break, false}, {Test::Execute, "execute", check_execute, false},          \
        {Test::Watch, "watch", check_watch, false}, {Test::Plain, "plain", check_plain, false},            \
        {Test::RepMovsb, "rep_movsb", check_rep_movsb, false}, {Test::Pushf, "pushf", check_pushf, false}, \
        {Test::Popf, "popf", check_popf, false}, {Test::MovSs, "mov_ss", check_mov_ss, false},             \
        {Test::Registers, "registers", check_registers, false},                                            \
        {Test::OwnWrite, "own_write", check_own_write, false},                                             \
        {Test::OwnStep, "own_step", check_own_step, false},                                                \
        {Test::OwnExecute, "own_execute", check_own_execute, false},                                       \
        {Test::Iret, "iret", check_iret, false}, {Test::Hlt, "hlt", check_hlt, false}, {                   \
        Test::Pending, "pending", check_pending, false                                                     \
    }
#define LAST_SCENARIOS                                                                        \
    {Test::OwnInt3, "own_int3", check_own_int3, false}, {Test::Int, "int", check_int, false}, \
        {Test::TightLoop, "tight_loop", check_tight_loop, true},                              \
        {Test::OpenLoop, "open_loop", check_open_loop, true},                                 \
        {Test::HltLoop, "hlt_loop", check_hlt_loop, true}, {                                  \
        Test::TripleFault, "triple_fault", check_triple_fault, true                           \
    }
