#include "vmm/debug/host/host_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringside::debug {

namespace {

HostRow int3_row(const char* key, const char* where, Int3 found, const char* otherwise) {
    HostRow row{key, fmt::format("int3 breakpoints, {}", where), "", found == Int3::DebugExit, ""};
    switch (found) {
        case Int3::DebugExit:
            row.result = "works";
            break;
        case Int3::EmulationFailure:
            row.result = "by emulation failure";
            row.consequence = "recognized as the hit";
            break;
        case Int3::GoesToGuest:
            row.result = "no";
            row.consequence = otherwise;
            break;
    }
    return row;
}

HostRow row(const char* key, const char* what, bool works, const char* otherwise) {
    return {key, what, works ? "works" : "no", works, works ? "" : otherwise};
}

}  // namespace

std::vector<HostRow> host_rows(const HostAbilities& a) {
    const bool int3s = a.int3_real != Int3::GoesToGuest && a.int3_protected != Int3::GoesToGuest &&
                       a.int3_long != Int3::GoesToGuest;
    const char* other_trap = int3s ? "not needed" : a.execute_slots ? "debug slots" : "stepping";
    const char* slots = a.halt_traps      ? "HLT in its place"
                        : a.execute_slots ? "debug slots, then stepping"
                                          : "stepping";
    const char* slots_long = a.undefined_traps ? "an undefined instruction in its place" : slots;
    const char* user = "seen at the guest's exception handler";
    return {
        int3_row("int3_real", "real mode", a.int3_real, slots),
        int3_row("int3_protected", "protected mode", a.int3_protected, slots),
        int3_row("int3_long", "long mode", a.int3_long, slots_long),
        int3_row("int3_user", "long mode, CPL 3", a.int3_user, a.undefined_traps ? slots_long : user),
        row("halt_traps", "HLT as a breakpoint, CPL 0", a.halt_traps, other_trap),
        row("undefined_traps", "an undefined instruction as a breakpoint, 64-bit code", a.undefined_traps,
            other_trap),
        row("execute_slots", "DR0-DR3 execute breakpoints", a.execute_slots, "stepping"),
        row("execute_slots_user", "DR0-DR3 execute breakpoints, CPL 3", a.execute_slots_user, user),
        row("data_slots", "DR0-DR3 data watchpoints", a.data_slots, "stepping"),
        row("own_slots_fire", "the guest's own DR0-DR3 together with the debugger's", a.own_slots_fire,
            a.debug_register_exits ? "shared, at each MOV DR" : "shared, at each stop"),
        row("debug_register_exits", "exits for the guest's MOV DR", a.debug_register_exits,
            a.own_slots_fire ? "not needed" : "slots are shared again only at stops"),
        row("step_real", "single-step, real mode", a.step_real, "none"),
        row("step_long", "single-step, long mode", a.step_long, "none"),
        row("step_user", "single-step, long mode, CPL 3", a.step_user, user),
        row("step_survives_emulation", "single-step after an emulated instruction", a.step_survives_emulation,
            "requested again at each step"),
        row("step_traps_once", "one trap for one step", !a.step_traps_again,
            "the second is kept from the guest"),
        row("step_blocks_interrupts", "single-step with interrupts blocked", a.step_blocks_interrupts,
            "a step may end in an interrupt handler"),
        row("write_faults", "exits for writes to write-protected pages", a.write_faults, "stepping"),
        row("cpuid_masks", "CPUID masks", a.cpuid_masks, "the guest sees the host's CPUID"),
        row("msr_exits", "exits for filtered MSRs", a.msr_exits, "MSR accesses cannot be caught"),
        row("synced_registers", "registers shared at each exit", a.synced_registers,
            "one more ioctl for each step"),
    };
}

std::string format_host_table(const HostAbilities& abilities) {
    const auto rows = host_rows(abilities);
    std::size_t what = 0;
    std::size_t result = 0;
    for (const HostRow& r : rows) {
        what = std::max(what, r.what.size());
        result = std::max(result, r.result.size());
    }
    std::string text;
    for (const HostRow& r : rows) {
        if (r.consequence.empty())
            text += fmt::format("{:<{}}  {}\n", r.what, what, r.result);
        else
            text += fmt::format("{:<{}}  {:<{}}  {}\n", r.what, what, r.result, result, r.consequence);
    }
    return text;
}

}  // namespace ringside::debug
