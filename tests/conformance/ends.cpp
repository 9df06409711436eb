// The guest's ends: a triple fault stops and is shown.

#include "tests/conformance/mismatch.h"
#include "tests/conformance/scenario.h"

namespace ringside::conformance {

namespace {

// On AMD's SVM KVM resets the vCPU before it tells; then the report must say so, as the registers are not the
// fault's.
std::string triple_fault(Mode mode) {
    constexpr std::uint64_t kResetRip = 0xfff0;
    Scenario scenario(mode, "triple_fault");
    Debuggee& guest = scenario.guest();
    const std::uint64_t code =
        guest.symbol(mode == Mode::Real ? "triple_fault_site" : "_ZN5guest12triple_faultEv");
    guest.run_to(mode == Mode::Real ? "triple_fault_site" : "_ZN5guest12triple_faultEv");
    const Stop stop = guest.resume();
    require(!stop.exited && stop.code == kSignalSegmentFault, "{} at a triple fault", stop.describe());
    const std::string report = guest.monitor("fatal");
    require(report.find("triple fault") != std::string::npos, "`monitor fatal` says: {}", report);
    const bool reset = report.find("reset the vCPU") != std::string::npos;
    const std::uint64_t rip = guest.rip();
    if (reset)
        require_equal("RIP of a vCPU that was reset", rip, kResetRip);
    else
        require(rip >= code && rip < code + 64, "the fault is shown at {}", guest.symbols().describe(rip));
    require(guest.resume().code == kSignalSegmentFault, "a guest that has ended was resumed");
    return reset ? "the vCPU was reset by KVM" : "";
}

}  // namespace

void add_ends(Behaviours& all) {
    for (const Mode mode : {Mode::Real, Mode::Protected, Mode::Long})
        all.push_back({"end", "triple_fault", mode, [=] { return triple_fault(mode); }});
}

}  // namespace ringside::conformance
