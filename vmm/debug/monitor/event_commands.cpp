#include "vmm/debug/monitor/event_commands.h"

#include <fmt/format.h>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/interrupt_path.h"
#include "vmm/debug/guest/guest_tables.h"
#include "vmm/debug/guest/interrupt_state.h"
#include "vmm/debug/monitor/arguments.h"

namespace ringside::debug {

namespace {

Cell exception_cell(const std::optional<x86::PendingException>& exception) {
    if (!exception)
        return {nullptr, "none"};
    const std::string code =
        exception->error_code ? fmt::format(", error code 0x{:x}", *exception->error_code) : std::string();
    return {exception->vector,
            fmt::format("{}{}{}", x86::exception_name(exception->vector), code,
                        exception->injected ? ", delivered at the next entry" : ", pending")};
}

Answer events_answer(const InterruptState& state) {
    const x86::PendingEvents& events = state.events;
    const Cell interrupt =
        events.interrupt ? Cell{*events.interrupt, fmt::format("vector 0x{:x}{}", *events.interrupt,
                                                               events.software_interrupt ? ", INT n" : "")}
                         : Cell{nullptr, "none"};
    return Answer()
        .headline(fmt::format("vCPU {}: {}", state.vcpu.value, x86::name(events.activity)))
        .value("vcpu", number(state.vcpu.value))
        .value("activity", words(x86::name(events.activity)))
        .value("interrupts enabled",
               flag((state.general.rflags & x86::rflags::kIf) != 0, "yes", "no: RFLAGS.IF is clear"))
        .value("shadow of STI", flag(events.shadow_of_sti, "yes", "no"))
        .value("shadow of MOV SS", flag(events.shadow_of_mov_ss, "yes", "no"))
        .value("exception", exception_cell(events.exception))
        .value("interrupt", interrupt)
        .value("NMI injected", flag(events.nmi_injected, "yes", "no"))
        .value("NMI pending", flag(events.nmi_pending, "yes", "no"))
        .value("NMI masked", flag(events.nmi_masked, "yes, until IRET", "no"))
        .value("SMM", flag(events.in_smm, "yes", "no"))
        .value("SMI pending", flag(events.smi_pending, "yes", "no"))
        .value("triple fault", flag(events.triple_fault, "yes", "no"));
}

Result<x86::InterruptTarget> target(Debugger& debugger, VcpuIndex vcpu) {
    auto state = TRY(interrupt_state(debugger.machine().vcpu(vcpu)));
    x86::InterruptTarget target;
    target.vcpu = vcpu.value;
    target.apic = state.local_apic;
    target.events = state.events;
    target.interrupts_enabled = (state.general.rflags & x86::rflags::kIf) != 0;
    for (unsigned vector = 0; vector < target.gates.size(); ++vector)
        target.gates[vector] =
            interrupt_gate(debugger.view(), state.general, state.system, static_cast<std::uint8_t>(vector))
                .has_value();
    return target;
}

void add_findings(Answer& answer, std::string name, const x86::Findings& findings) {
    std::vector<std::vector<Cell>> rows;
    for (const x86::Finding& finding : findings)
        rows.push_back({words(finding.where), flag(finding.blocks, "blocks", "-"), words(finding.sentence)});
    answer.table(std::move(name), {"where", "blocks", "finding"}, std::move(rows));
}

Result<Answer> why_no_vector(Debugger& debugger, VcpuIndex vcpu, std::uint64_t vector) {
    if (vector > 255)
        return failure("why-no-irq", fmt::format("{} is not a vector: vectors are from 0 to 255", vector));
    auto there = TRY(target(debugger, vcpu));
    const auto findings = x86::examine_vector(there, static_cast<std::uint8_t>(vector));
    Answer answer;
    add_findings(answer, fmt::format("vector 0x{:x}", vector), findings);
    return answer.note(x86::is_free(findings) ? "Nothing blocks it: it is delivered at the vCPU's next entry."
                                              : "It is blocked by each row that says so.");
}

Result<Answer> why_no_line(Debugger& debugger, std::uint64_t line) {
    if (line >= x86::kIoApicPins)
        return failure("why-no-irq",
                       fmt::format("{} is not a line: lines are from 0 to {}", line, x86::kIoApicPins - 1));
    std::vector<x86::InterruptTarget> targets;
    for (std::uint32_t i = 0; i < debugger.machine().vcpu_count(); ++i) {
        auto there = TRY(target(debugger, VcpuIndex{i}));
        targets.push_back(there);
    }
    auto pic_pair = TRY(pics(debugger.machine()));
    auto chip = TRY(io_apic(debugger.machine()));
    const auto number = static_cast<unsigned>(line);
    const auto by_pic = x86::examine_pic(pic_pair, number, targets);
    const auto by_io_apic = x86::examine_io_apic(chip, number, targets);
    Answer answer;
    add_findings(answer, "by the 8259As", by_pic);
    add_findings(answer, "by the IO APIC", by_io_apic);
    const bool free = x86::is_free(by_pic) || x86::is_free(by_io_apic);
    return answer.note(free ? "One way is free: the interrupt is delivered at the vCPU's next entry."
                            : "Both ways are blocked. It is enough to clear one of them.");
}

Result<Answer> why_no_irq(Debugger& debugger, const Arguments& arguments) {
    const bool vector = !arguments.words.empty() && arguments.words.front() == "vector";
    const std::size_t place = vector ? 1 : 0;
    const auto value =
        arguments.words.size() == place + 1 ? parse_number(arguments.words[place]) : std::nullopt;
    if (!value)
        return failure("why-no-irq", "it needs the number of a line, or \"vector\" and a vector",
                       "For example: monitor why-no-irq 4");
    return vector ? why_no_vector(debugger, arguments.vcpu, *value) : why_no_line(debugger, *value);
}

}  // namespace

void add_event_commands(MonitorRegistry& registry, Debugger& debugger) {
    add_answering(registry, debugger,
                  {"events", "", "the events that are pending for a vCPU, and what blocks them", 0,
                   [&](const Arguments& arguments) {
                       return interrupt_state(debugger.machine().vcpu(arguments.vcpu)).map(events_answer);
                   }});
    add_answering(registry, debugger,
                  {"why-no-irq", "LINE|vector VECTOR",
                   "why an interrupt does not arrive: every stage from the line to the handler", 2,
                   [&](const Arguments& arguments) { return why_no_irq(debugger, arguments); }});
}

}  // namespace ringside::debug
