// Control, debug and model-specific registers.

#include "tests/conformance/mismatch.h"
#include "tests/conformance/survival.h"

namespace ringside::conformance {

namespace {

constexpr std::uint64_t kTaskSwitched = 8;      // CR0.TS: the guests use no x87
constexpr std::uint64_t kDebugExtensions = 8;   // CR4.DE
constexpr std::uint64_t kSystemCallEnable = 1;  // EFER.SCE
constexpr std::uint64_t kTaskPriority = 3;      // CR8

std::string control(Mode mode) {
    std::vector<Flipped> registers{{"cr0", kTaskSwitched}, {"cr2", 0x12345000}, {"cr4", kDebugExtensions}};
    if (mode == Mode::Long) {
        registers.push_back({"cr8", kTaskPriority});
        registers.push_back({"efer", kSystemCallEnable});
    }
    require_survival(mode, registers);
    return {};
}

// Paging without protection: no CPU has that state. It must be refused, and leave no trace.
std::string impossible_control() {
    constexpr std::uint64_t kProtection = 1;
    Scenario scenario(Mode::Long, "plain");
    Debuggee& guest = scenario.guest();
    guest.run_to("plain_site");
    const std::uint64_t cr0 = guest.reg("cr0");
    bool refused = false;
    try {
        guest.set_reg("cr0", cr0 & ~kProtection);
    } catch (const Mismatch&) {
        refused = true;
    }
    require(refused, "an impossible CR0 was accepted");
    require_equal("CR0", guest.reg("cr0"), cr0);
    scenario.finish_with_counts();
    return {};
}

// A slot of the guest's own, at an address that it does not reach.
std::string debug(Mode mode) {
    require_survival(mode, std::vector<Flipped>{{"dr0", 0x7ffff001},
                                                {"dr1", 0x7ffff100},
                                                {"dr2", 0x7ffff200},
                                                {"dr3", 0x7ffff300},
                                                {"dr6", 0x2},
                                                {"dr7", 0x2}});
    return {};
}

std::string model_specific() {
    require_survival(Mode::Long, std::vector<Flipped>{{"star", 0x0018000800000000},
                                                      {"lstar", 0x1000},
                                                      {"cstar", 0x2000},
                                                      {"fmask", 0x400},
                                                      {"k_gs_base", 0x123456000},
                                                      {"sysenter_cs", 0x8},
                                                      {"sysenter_esp", 0x3000},
                                                      {"sysenter_eip", 0x4000},
                                                      {"pat", 0x0000000100000000}});
    return {};
}

// What the debugger writes to LSTAR is where the guest's SYSCALL goes: here around the entry's counting.
std::string model_specific_used() {
    Scenario scenario(Mode::Long, "user_syscall");
    Debuggee& guest = scenario.guest();
    guest.run_to("run_user");
    const std::uint64_t entry = guest.symbol("syscall_entry");
    require_equal("LSTAR", guest.reg("lstar"), entry);
    guest.set_reg("lstar", guest.symbol("sysret_site"));
    guest.run_to("sysret_site");
    require_equal("`syscalls_taken`", guest.read_number(guest.symbol("syscalls_taken"), 8), 0);
    guest.set_reg("lstar", entry);
    guest.write_number(guest.symbol("syscalls_taken"), 1, 8);
    scenario.finish_with_counts();
    return {};
}

}  // namespace

void add_system_registers(Behaviours& all) {
    for (const Mode mode : {Mode::Real, Mode::Protected, Mode::Long}) {
        all.push_back({"registers", "control", mode, [=] { return control(mode); }});
        all.push_back({"registers", "debug", mode, [=] { return debug(mode); }});
    }
    all.push_back({"registers", "impossible_control", Mode::Long, impossible_control});
    all.push_back({"registers", "msr", Mode::Long, model_specific});
    all.push_back({"registers", "msr_in_use", Mode::Long, model_specific_used});
}

}  // namespace ringside::conformance
