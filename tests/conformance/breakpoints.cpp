// Execution breakpoints, by Z0 and by Z1.

#include "tests/conformance/mismatch.h"
#include "tests/conformance/scenario.h"

namespace ringside::conformance {

namespace {

struct Kind {
    BreakKind kind;
    const char* name;
    const char* reason;    // in the stop reply
    const char* scenario;  // at CPL 0
    const char* site;
    const char* after;
};

constexpr Kind kSoftware{BreakKind::Software, "software", "swbreak", "break", "break_site", "after_break"};
constexpr Kind kHardware{BreakKind::Hardware, "hardware",     "hwbreak",
                         "execute",           "execute_site", "after_execute"};

// At the site the guest has 1 in AX, after it 3.
void hit_once(Scenario& scenario, const Kind& kind, std::uint64_t site, const std::string& after) {
    Debuggee& guest = scenario.guest();
    const Stop stop = guest.resume();
    require(stop.code == kSignalTrap && stop.reason == kind.reason, "{} instead of a hit", stop.describe());
    require(guest.rip() == site, "the guest is at {}", guest.symbols().describe(guest.rip()));
    require_equal("AX at the breakpoint", scenario.word("rax"), 1);
    guest.remove(kind.kind, site);
    guest.step();
    guest.require_at(after);
    require_equal("AX behind the breakpoint", scenario.word("rax"), 3);
}

// Set, hit, taken out, stepped off and set again, as gdb does it, in each of two rounds.
std::string breakpoint(Mode mode, const Kind& kind) {
    const bool user = mode == Mode::User;
    Scenario scenario(mode, user ? "user_break" : kind.scenario, 2);
    Debuggee& guest = scenario.guest();
    const std::uint64_t site = guest.symbol(user ? "user_break_site" : kind.site);
    const Bytes code = guest.read(site, 8);
    std::string mechanism;
    for (int round = 0; round < 2; ++round) {
        mechanism = guest.insert(kind.kind, site);
        require(guest.read(site, code.size()) == code, "memory reads show the breakpoint");
        hit_once(scenario, kind, site, user ? "after_user_break" : kind.after);
    }
    scenario.finish_with_counts();
    return mechanism;
}

// One more than there are debug slots: all five are hit, in order.
std::string five_hardware_breakpoints() {
    constexpr unsigned kCount = 5;
    constexpr std::uint64_t kInstruction = 2;  // the length of each at plain_site
    Scenario scenario(Mode::Long, "plain");
    Debuggee& guest = scenario.guest();
    const std::uint64_t site = guest.symbol("plain_site");
    guest.run_to("run_plain");  // the guest's start takes long where it is stepped
    std::string mechanism;
    for (unsigned i = 0; i < kCount; ++i)
        mechanism = guest.insert(BreakKind::Hardware, site + i * kInstruction);
    for (unsigned i = 0; i < kCount; ++i) {
        const Stop stop = guest.resume();
        require(stop.reason == kHardware.reason, "{} instead of hit {}", stop.describe(), i + 1);
        require_equal("RIP", guest.rip(), site + i * kInstruction);
        guest.remove(BreakKind::Hardware, site + i * kInstruction);
    }
    scenario.finish();
    return "the fifth by " + mechanism;
}

}  // namespace

void add_breakpoints(Behaviours& all) {
    for (const Kind& kind : {kSoftware, kHardware})
        for (const Mode mode : {Mode::Real, Mode::Protected, Mode::Long, Mode::User})
            all.push_back({"breakpoint", kind.name, mode, [=] { return breakpoint(mode, kind); }});
    all.push_back({"breakpoint", "five_hardware", Mode::Long, five_hardware_breakpoints});
}

}  // namespace ringside::conformance
