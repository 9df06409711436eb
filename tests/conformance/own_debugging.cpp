// The guest's own use of INT3, TF and DR0-DR3 under a debugger: it must not notice that it has one.

#include "tests/conformance/mismatch.h"
#include "tests/conformance/scenario.h"

namespace ringside::conformance {

namespace {

std::string alone(Mode mode, const std::string& scenario_name) {
    Scenario scenario(mode, scenario_name);
    scenario.finish();
    return {};
}

// The debugger has set something itself, at an address that the scenario does not reach.
std::string beside(Mode mode, const std::string& scenario_name, BreakKind kind) {
    Scenario scenario(mode, scenario_name);
    Debuggee& guest = scenario.guest();
    const std::string mechanism =
        guest.insert(kind, guest.symbol(mode == Mode::Real ? "check_plain" : "run_plain"));
    scenario.finish();
    return "beside one by " + mechanism;
}

}  // namespace

void add_own_debugging(Behaviours& all) {
    for (const std::string what : {"int3", "step", "execute", "write"}) {
        for (const Mode mode : {Mode::Real, Mode::Protected, Mode::Long}) {
            const std::string scenario = "own_" + what;
            all.push_back({"own", what, mode, [=] { return alone(mode, scenario); }});
            all.push_back({"own", what + "_and_software_breakpoint", mode,
                           [=] { return beside(mode, scenario, BreakKind::Software); }});
            all.push_back({"own", what + "_and_hardware_breakpoint", mode,
                           [=] { return beside(mode, scenario, BreakKind::Hardware); }});
        }
    }
    all.push_back({"own", "int3", Mode::User, [] { return alone(Mode::User, "user_int3"); }});
}

}  // namespace ringside::conformance
