// Leaving a running guest and coming back to it.

#include "tests/conformance/mismatch.h"
#include "tests/conformance/scenario.h"

namespace ringside::conformance {

namespace {

enum class Leave { Detach, Vanish };

// The guest runs on without the debugger's breakpoint; a new client stops it and finds it in order.
std::string leave_and_return(Mode mode, Leave how) {
    Scenario scenario(mode, "open_loop");
    Debuggee& guest = scenario.guest();
    const std::uint64_t loop = guest.symbol("tight_loop");
    const std::size_t word = mode == Mode::Real ? 2 : 4;
    guest.run_to("tight_loop");
    const Bytes code = guest.read(loop, 8);
    std::string mechanism = guest.insert(BreakKind::Software, loop);
    how == Leave::Detach ? guest.detach() : guest.vanish();
    guest.attach_again();
    require(guest.read(loop, code.size()) == code, "the code has changed");
    require(guest.monitor("breakpoints").find("0x") == std::string::npos, "a breakpoint was left behind");
    guest.run_until_it_counts(guest.symbol("loop_count"), word);
    guest.write_number(guest.symbol("leave_loop"), 1, word);
    scenario.finish_with_counts();
    return mechanism;
}

}  // namespace

void add_attaching(Behaviours& all) {
    for (const Mode mode : {Mode::Real, Mode::Protected, Mode::Long}) {
        all.push_back(
            {"attach", "after_detach", mode, [=] { return leave_and_return(mode, Leave::Detach); }});
        all.push_back(
            {"attach", "after_lost_connection", mode, [=] { return leave_and_return(mode, Leave::Vanish); }});
    }
}

}  // namespace ringside::conformance
