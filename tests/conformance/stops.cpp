// Ctrl-C in a guest that never pauses on its own, and in one that sleeps.

#include "tests/conformance/mismatch.h"
#include "tests/conformance/scenario.h"

namespace ringside::conformance {

namespace {

std::string interrupt(Mode mode, const std::string& scenario_name, const std::string& loop) {
    Scenario scenario(mode, scenario_name);
    Debuggee& guest = scenario.guest();
    const std::size_t word = mode == Mode::Real ? 2 : 4;
    guest.run_to(loop);
    for (int i = 0; i < 3; ++i) {
        guest.run_until_it_counts(guest.symbol("loop_count"), word);
        require_equal("the thread that Ctrl-C reports", guest.threads().size(), 1);
    }
    guest.write_number(guest.symbol("leave_loop"), 1, word);
    scenario.finish_with_counts();
    return {};
}

}  // namespace

void add_stops(Behaviours& all) {
    for (const Mode mode : {Mode::Real, Mode::Protected, Mode::Long}) {
        all.push_back(
            {"interrupt", "tight_loop", mode, [=] { return interrupt(mode, "tight_loop", "tight_loop"); }});
        // Waiting for an interrupt that never comes.
        all.push_back({"interrupt", "tight_loop_with_if_set", mode,
                       [=] { return interrupt(mode, "open_loop", "tight_loop"); }});
        all.push_back(
            {"interrupt", "hlt_loop", mode, [=] { return interrupt(mode, "hlt_loop", "hlt_loop"); }});
    }
}

}  // namespace ringside::conformance
