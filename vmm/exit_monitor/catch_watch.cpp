#include "vmm/exit_monitor/catch_watch.h"

#include <fmt/format.h>

#include <utility>

#include "vmm/exits/hardware/caught_exits.h"
#include "vmm/exits/hardware/tracefs.h"

namespace ringside::debug {

std::string describe_plan(const exits::CatchPlan& plan) {
    if (plan.stepping)
        return "stepping the guest, which is slow";
    if (plan.filter)
        return fmt::format("kvm:{}, {}{}", plan.event, *plan.filter,
                           plan.second_event.empty()
                               ? std::string()
                               : fmt::format("; kvm:{}, {}", plan.second_event, plan.second_filter));
    return plan.msr ? "KVM's MSR filter" : "the exit loop";
}

Result<exits::CatchPlan> CatchWatch::plan(const exits::CatchRule& rule) const {
    const auto tracefs = exits::find_tracefs();
    const auto kind = exits::host_virtualization();
    auto plan = exits::plan_catch(rule, tracefs ? kind : std::nullopt, exits::host_has_nested_paging());
    // The hardware could show it if its events could be read: say why they cannot.
    if (!plan && kind && !tracefs && exits::plan_catch(rule, kind))
        return tl::unexpected<Error>(tracefs.error());
    return plan;
}

Result<void> CatchWatch::arm(CatchEntry& entry) const {
    if (!entry.plan.filter)
        return {};
    exits::install_catch_handler();
    TRY(arm(entry, entry.plan.event, *entry.plan.filter));
    if (!entry.plan.second_event.empty())
        TRY(arm(entry, entry.plan.second_event, entry.plan.second_filter));
    return {};
}

Result<void> CatchWatch::arm(CatchEntry& entry, const std::string& event, const std::string& filter) const {
    const auto tracefs = TRY(exits::find_tracefs());
    const auto tracepoint = TRY(exits::load_kvm_tracepoint(tracefs, event));
    machine::Machine& machine = debugger_.machine();
    for (std::uint32_t i = 0; i < machine.vcpu_count(); ++i) {
        if (entry.once && entry.once->value != i)
            continue;
        auto armed = TRY(
            exits::HardwareCatch::arm(machine.vcpu(VcpuIndex{i}).tid(), tracepoint.id, filter, entry.slot));
        entry.armed.push_back(std::move(armed));
    }
    return {};
}

Result<void> CatchWatch::update(const CatchEntries& entries) {
    watch_exits(!entries.empty());
    watch_states(entries);
    TRY(watch_handlers(entries));
    return filter_msrs(entries);
}

void CatchWatch::watch_exits(bool on) const {
    machine::Machine& machine = debugger_.machine();
    for (std::uint32_t i = 0; i < machine.vcpu_count(); ++i)
        machine.vcpu(VcpuIndex{i}).watch_exits(on);
}

void CatchWatch::watch_states(const CatchEntries& entries) const {
    std::vector<StateJudge*> judges;
    for (const auto& entry : entries) {
        if (entry->state)
            judges.push_back(entry->state.get());
    }
    auto& guest = debugger_.guest();
    guest.context().states.set(std::move(judges), guest.vcpu_count());
}

// The guest's handlers that some rule is on.
Result<void> CatchWatch::watch_handlers(const CatchEntries& entries) const {
    std::vector<WatchedHandler> watched;
    for (const auto& entry : entries) {
        if (entry->handler)
            watched.push_back({entry->handler->vector(), entry->handler.get()});
    }
    if (watched.empty() && debugger_.guest().context().handlers.empty())
        return {};
    return debugger_.guest().watch_handlers(std::move(watched));
}

// One filter for all rules: KVM replaces the last one (KVM API, 4.97 KVM_X86_SET_MSR_FILTER).
Result<void> CatchWatch::filter_msrs(const CatchEntries& entries) {
    std::vector<kvm::DeniedMsr> msrs;
    for (const auto& entry : entries) {
        if (!entry->plan.msr)
            continue;
        if (msrs.size() == kvm::kMostDeniedMsrs)
            return failure("catch " + entry->rule.text,
                           fmt::format("KVM's filter has only room for {} MSRs", msrs.size()),
                           "Remove a rule first");
        const auto direction = entry->rule.direction;
        msrs.push_back({.index = *entry->plan.msr,
                        .reads = direction != exits::Direction::Write,
                        .writes = direction != exits::Direction::Read});
    }
    const bool was_filtering = std::exchange(filtering_msrs_, !msrs.empty());
    if (msrs.empty() && !was_filtering)
        return {};
    return debugger_.machine().vm().deny_msrs(msrs);
}

Result<void> CatchWatch::check_handler(const CatchEntry& entry) const {
    const auto& handlers = debugger_.guest().context().handlers;
    for (std::uint32_t i = 0; i < debugger_.vcpu_count(); ++i) {
        const auto found = handlers.found(VcpuIndex{i}, entry.handler.get());
        const auto* none = std::get_if<NoHandler>(&found);
        if (none != nullptr && (*none == NoHandler::TaskGate || *none == NoHandler::NotAGate))
            return failure("catch " + entry.rule.text, debug::describe(*none),
                           "A breakpoint on the task's code stops there");
    }
    return {};
}

std::string CatchWatch::describe(const CatchEntry& entry) const {
    if (!entry.handler)
        return describe_plan(entry.plan);
    std::string text;
    for (std::uint32_t i = 0; i < debugger_.vcpu_count(); ++i) {
        const auto one = entry.handler->describe(
            debugger_.guest().context().handlers.found(VcpuIndex{i}, entry.handler.get()));
        if (text.find(one) == std::string::npos)
            text += text.empty() ? one : "; " + one;
    }
    return text;
}

bool CatchWatch::waits_for_handler() const {
    const auto& handlers = debugger_.guest().context().handlers;
    for (std::uint32_t i = 0; i < debugger_.vcpu_count(); ++i) {
        if (handlers.wants_steps(VcpuIndex{i}))
            return true;
    }
    return false;
}

}  // namespace ringside::debug
