#include "vmm/debug/nested/level_command.h"

#include <fmt/format.h>

#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

std::string_view name(x86::GuestLevel level) {
    return level == x86::GuestLevel::L1 ? "L1" : "L2";
}

std::string describe(const Debugger& debugger, const x86::SystemRegisters& system) {
    const auto running = x86::level_of(system);
    const auto chosen = debugger.view().chosen_level();
    std::string text =
        fmt::format("This vCPU runs {}.", running == x86::GuestLevel::L2
                                              ? "the guest's guest (L2); its registers are L2's"
                                              : "the guest (L1); its registers are L1's");
    if (!system.inner.known)
        text += " It has no known guest (L2).";
    if (chosen)
        return text + fmt::format(" Addresses and new breakpoints are {}'s.\n", name(*chosen));
    return text + fmt::format(" Addresses and new breakpoints are those of the level that runs, here {}'s.\n",
                              name(running));
}

Result<std::string> level(Debugger& debugger, gdbstub::ThreadId thread, std::string_view rest) {
    const machine::StopToken* token = debugger.stop_token();
    if (token == nullptr)
        return guest_runs("level");
    x86::ClassSet classes;
    classes.add(x86::RegisterClass::System);
    const x86::CpuState* state = TRY(debugger.state(vcpu_of(thread)).load(*token, classes));
    const x86::SystemRegisters& system = state->system;
    if (rest == "auto")
        debugger.guest().choose_level(*token, std::nullopt);
    else if (rest == "l1")
        debugger.guest().choose_level(*token, x86::GuestLevel::L1);
    else if (rest == "l2" && !system.inner.known)
        return failure("level", "this vCPU has no known guest's guest (L2)",
                       "An Intel guest has one when a VMCS is current, an AMD guest while it runs one");
    else if (rest == "l2")
        debugger.guest().choose_level(*token, x86::GuestLevel::L2);
    else if (!rest.empty())
        return failure("level", fmt::format("\"{}\" is not a level", rest),
                       "Usage: monitor level [l1|l2|auto]");
    return describe(debugger, system);
}

}  // namespace

void add_level_command(MonitorRegistry& registry, Debugger& debugger) {
    registry.add({"level", "[l1|l2|auto]",
                  "which addresses are used if the guest is a hypervisor: its own (L1) or its guest's (L2)",
                  [&](auto thread, auto rest) { return level(debugger, thread, rest); }});
}

}  // namespace ringside::debug
