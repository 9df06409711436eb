#include <fmt/format.h>

#include "vmm/base/text.h"
#include "vmm/debug/host/host_table.h"
#include "vmm/debug/monitor/monitor.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

namespace {

Result<std::string> address_space(Debugger& debugger, gdbstub::ThreadId thread, std::string_view rest) {
    constexpr const char* kName = "address-space";
    const auto number = parse_number(rest);
    if (!rest.empty() && rest != "off" && rest != "current" && !number)
        return failure(kName, fmt::format("\"{}\" is not an address space", rest),
                       "Usage: monitor address-space [current|CR3|off]");
    const x86::CpuState* state = TRY(debugger.all_registers(vcpu_of(thread)));
    const std::uint64_t current = state->system.cr3;
    if (x86::paging_mode(x86::paging_state(state->system)) == x86::PagingMode::None)
        return failure(kName, "there is none to choose: this vCPU has paging off");
    if (!rest.empty()) {
        const auto cr3 = rest == "current" ? std::optional(current) : number;  // none: off
        if (!debugger.guest().choose_address_space(*debugger.stop_token(), cr3))
            return failure(kName,
                           fmt::format("no page table can be at CR3 0x{:x}: there is no memory", *cr3));
    }
    if (const auto chosen = debugger.view().chosen_address_space())
        return fmt::format(
            "User addresses refer to the address space of CR3 0x{:x}: memory is accessed there, and "
            "breakpoints on them stop in no other.\n",
            *chosen);
    return fmt::format("User addresses refer to each vCPU's current address space; here CR3 0x{:x}.\n",
                       current);
}

// At a stop of gdb's they are all out, and are shown as they were in.
std::string breakpoints(Debugger& debugger) {
    std::string text;
    for (const BreakpointLine& line : debugger.guest().table().lines()) {
        constexpr const char* kKinds[] = {"software", "hardware", "write watch", "read watch",
                                          "access watch"};
        text += fmt::format("{}0x{:x}  {}{}  by {}{}  hit {} time{}\n", line.physical ? "physical " : "",
                            line.address, kKinds[static_cast<unsigned>(line.kind)],
                            line.is_watchpoint() ? fmt::format(" of {} bytes", line.size) : "",
                            line.mechanism, line.remark.empty() ? "" : fmt::format(" ({})", line.remark),
                            line.hits, line.hits == 1 ? "" : "s");
    }
    return text.empty() ? "There are no breakpoints. (gdb inserts its own when it resumes the guest.)\n"
                        : text;
}

Result<std::string> step(Debugger& debugger, std::string_view rest) {
    gdbstub::Stepping& stepping = *debugger.target().stepping;
    if (rest == "irq on" || rest == "irq off") {
        // "irq on" lets interrupts come.
        if (const auto done = stepping.block_interrupts(rest == "irq off"); !done)
            return failure("step", done.error().message);
    } else if (!rest.empty()) {
        return failure("step", fmt::format("\"{}\" is not understood", rest),
                       "Usage: monitor step [irq on|irq off]");
    }
    return stepping.blocks_interrupts()
               ? std::string("A step blocks the guest's interrupts until it is done.\n")
               : std::string("A step lets the guest take interrupts, and may end in a handler.\n");
}

std::string fatal(Debugger& debugger) {
    const std::string text = debugger.guest().fatal_reports();
    return text.empty() ? "Every vCPU can run.\n" : text;
}

Result<std::string> host(Debugger& debugger) {
    return debugger.guest().abilities().map(format_host_table);
}

}  // namespace

void add_debugger_commands(MonitorRegistry& registry, Debugger& debugger) {
    registry.add({"address-space", "[current|CR3|off]",
                  "the address space that user addresses, and breakpoints on them, refer to",
                  [&](auto thread, auto rest) { return address_space(debugger, thread, rest); }});
    registry.add({"breakpoints", "", "each breakpoint, its mechanism, and how often it was hit",
                  [&](auto, auto) { return breakpoints(debugger); }});
    registry.add({"step", "[irq on|irq off]",
                  "shows or sets whether the guest takes interrupts while a vCPU is stepped",
                  [&](auto, auto rest) { return step(debugger, rest); }});
    registry.add({"fatal", "", "why a vCPU cannot continue (a triple fault, for example)",
                  [&](auto, auto) { return fatal(debugger); }});
    registry.add({"host", "", "what this host's KVM can do for the debugger, measured",
                  [&](auto, auto) { return host(debugger); }});
}

void add_version_commands(MonitorRegistry& registry) {
    // Tools that look for a virtual machine monitor ask this and are content with any answer.
    registry.add({"info version", "", "Ringside's version",
                  [](auto, auto) { return std::string("ringside " RINGSIDE_VERSION "\n"); }});
    registry.add({"version", "", "Ringside's version",
                  [](auto, auto) { return std::string("ringside " RINGSIDE_VERSION "\n"); }});
}

}  // namespace ringside::debug
