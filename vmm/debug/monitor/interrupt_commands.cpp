#include "vmm/debug/monitor/interrupt_commands.h"

#include "vmm/debug/monitor/arguments.h"
#include "vmm/debug/monitor/interrupt_answers.h"

namespace ringside::debug {

namespace {

Result<Answer> lapic(Debugger& debugger, const Arguments& arguments) {
    return interrupt_state(debugger.machine().vcpu(arguments.vcpu)).map([](const InterruptState& state) {
        return local_apic_answer(state.vcpu, state.local_apic);
    });
}

}  // namespace

void add_interrupt_commands(MonitorRegistry& registry, Debugger& debugger) {
    const auto add = [&](std::string name, std::string help, auto run) {
        add_answering(registry, debugger, {std::move(name), "", std::move(help), 0, std::move(run)});
    };
    add("lapic", "a vCPU's local APIC: priorities, requested and in-service vectors, local vector table",
        [&](const Arguments& arguments) { return lapic(debugger, arguments); });
    add("ioapic", "the I/O APIC's pins: the destination of each, and what is requested",
        [&](const Arguments&) { return io_apic(debugger.machine()).map(io_apic_answer); });
    add("pic", "the two 8259A interrupt controllers: requested, in-service and masked inputs",
        [&](const Arguments&) { return pics(debugger.machine()).map(pic_answer); });
    add("pit", "the 8254 timer's channels",
        [&](const Arguments&) { return pit(debugger.machine()).map(pit_answer); });
}

}  // namespace ringside::debug
