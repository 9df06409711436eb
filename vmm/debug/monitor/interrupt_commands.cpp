#include "vmm/debug/monitor/interrupt_commands.h"

#include <fmt/format.h>

#include "vmm/debug/monitor/arguments.h"
#include "vmm/debug/monitor/interrupt_answers.h"
#include "vmm/machine/in_kernel_devices.h"

namespace ringside::debug {

namespace {

Result<Answer> lapic(Debugger& debugger, const Arguments& arguments) {
    return interrupt_state(debugger.machine().vcpu(arguments.vcpu)).map([](const InterruptState& state) {
        return local_apic_answer(state.vcpu, state.local_apic);
    });
}

std::string_view device_of(const machine::Machine& machine, unsigned line) {
    for (const machine::InKernelLine& wired : machine::kInKernelLines) {
        if (wired.gsi.value == line)
            return wired.device;
    }
    for (const auto& [gsi, device] : machine.wired_lines()) {
        if (gsi.value == line)
            return device;
    }
    return {};
}

Result<Answer> irq(const machine::Machine& machine, const Arguments& arguments) {
    std::uint64_t first = 0, last = x86::kIoApicPins - 1;
    if (!arguments.words.empty()) {
        const auto line = parse_number(arguments.words.front());
        if (!line || *line > last)
            return failure("irq", fmt::format("\"{}\" is not a line: lines are from 0 to {}",
                                              arguments.words.front(), last));
        first = last = *line;
    }
    std::vector<WatchedLine> lines;
    for (auto line = static_cast<unsigned>(first); line <= last; ++line)
        lines.push_back({line, device_of(machine, line)});
    const auto pic_pair = TRY(pics(machine));
    const auto chip = TRY(io_apic(machine));
    return lines_answer(pic_pair, chip, lines);
}

}  // namespace

void add_interrupt_commands(MonitorRegistry& registry, Debugger& debugger) {
    add_answering(
        registry, debugger,
        {"lapic", "", "a vCPU's local APIC: priorities, requested and in-service vectors, local vector table",
         0, [&](const Arguments& arguments) { return lapic(debugger, arguments); }});
    const auto add = [&](std::string name, std::string help, auto run) {
        add_answering(registry, debugger, {std::move(name), "", std::move(help), 0, std::move(run)},
                      Subject::Machine);
    };
    add("ioapic", "the I/O APIC's pins: the destination of each, and what is requested",
        [&](const Arguments&) { return io_apic(debugger.machine()).map(io_apic_answer); });
    add("pic", "the two 8259A interrupt controllers: requested, in-service and masked inputs",
        [&](const Arguments&) { return pics(debugger.machine()).map(pic_answer); });
    add("pit", "the 8254 timer's channels",
        [&](const Arguments&) { return pit(debugger.machine()).map(pit_answer); });
    add_answering(registry, debugger,
                  {"irq", "[LINE]",
                   "the interrupt lines: which device drives each, whether it is raised, and where it leads",
                   1, [&](const Arguments& arguments) { return irq(debugger.machine(), arguments); }});
}

}  // namespace ringside::debug
