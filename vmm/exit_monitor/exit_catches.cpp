#include "vmm/exit_monitor/exit_catches.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/exits/hardware/caught_exits.h"
#include "vmm/exits/hardware/tracefs.h"

namespace ringside::debug {

namespace {

// Exits at which the vCPU stops anyway, with a reason of its own.
bool stops_by_itself(std::uint32_t reason) {
    switch (reason) {
        case KVM_EXIT_DEBUG:
        case KVM_EXIT_SHUTDOWN:
        case KVM_EXIT_INTERNAL_ERROR:
        case KVM_EXIT_FAIL_ENTRY:
            return true;
        default:
            return false;
    }
}

}  // namespace

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

ExitCatches::ExitCatches(Debugger& debugger, ExitNames& names, LastExit last_hardware_exit)
    : debugger_(debugger), names_(names), last_hardware_exit_(std::move(last_hardware_exit)) {}

Result<exits::CatchPlan> ExitCatches::plan(const exits::CatchRule& rule) const {
    const auto tracefs = exits::find_tracefs();
    const auto kind = exits::host_virtualization();
    auto plan = exits::plan_catch(rule, tracefs ? kind : std::nullopt, exits::host_has_nested_paging());
    // The hardware could show it if its events could be read: say why they cannot.
    if (!plan && kind && !tracefs && exits::plan_catch(rule, kind))
        return tl::unexpected<Error>(tracefs.error());
    return plan;
}

Result<unsigned> ExitCatches::add(std::string_view text) {
    return add_entry(text, std::nullopt).map([](const Entry* entry) { return entry->number; });
}

Result<void> ExitCatches::add_once(std::string_view text, VcpuIndex vcpu) {
    std::erase_if(entries_, [](const auto& entry) { return entry->once.has_value(); });
    return add_entry(text, vcpu).map([](const Entry*) {});
}

// A rule for once that was made at the stop before the last, or has had its hit, is over.
void ExitCatches::on_resume() {
    const auto over = [](const auto& entry) {
        return entry->once && (entry->resumed || entry->hits.load() != 0);
    };
    if (std::erase_if(entries_, over) != 0)
        watch(!entries_.empty());
    for (const auto& entry : entries_)
        entry->resumed = true;
}

Result<ExitCatches::Entry*> ExitCatches::add_entry(std::string_view text, std::optional<VcpuIndex> once) {
    auto rule = TRY(exits::parse_catch(text));
    const auto slot = free_slot();
    if (!slot)
        return failure("catch", fmt::format("there are {} rules already", exits::kCatchSlots),
                       "Remove one first");
    exits::CatchPlan plan;
    if (!exits::is_event(rule.subject))
        plan = TRY(this->plan(rule));
    auto entry = std::make_unique<Entry>();
    entry->number = next_number_;
    entry->slot = *slot;
    entry->once = once;
    entry->rule = std::move(rule);
    entry->plan = std::move(plan);
    const auto symbol = [this](std::uint64_t rip) { return names_.symbol(rip); };
    if (exits::is_event(entry->rule.subject))
        entry->handler = TRY(HandlerCatch::make(entry->number, entry->rule, debugger_.guest().registers(),
                                                debugger_.view(), symbol));
    if (entry->plan.stepping)
        entry->state = std::make_unique<StateCatch>(entry->rule, symbol);
    TRY(arm(*entry));
    entries_.push_back(std::move(entry));
    auto r = filter_msrs();
    if (r && entries_.back()->handler)
        r = check_handler(*entries_.back());
    if (!r) {
        auto gone = std::move(entries_.back());
        entries_.pop_back();
        (void)watch_handlers();  // as before
        return tl::unexpected<Error>(r.error());
    }
    watch_states();
    watch(true);
    ++next_number_;
    return entries_.back().get();
}

// The guest's handlers that some rule is on.
Result<void> ExitCatches::watch_handlers() {
    std::vector<WatchedHandler> watched;
    for (const auto& entry : entries_) {
        if (entry->handler)
            watched.push_back({entry->handler->vector(), entry->handler.get()});
    }
    if (watched.empty() && debugger_.guest().context().handlers.empty())
        return {};
    return debugger_.guest().watch_handlers(std::move(watched));
}

void ExitCatches::watch_states() {
    std::vector<StateJudge*> judges;
    for (const auto& entry : entries_) {
        if (entry->state)
            judges.push_back(entry->state.get());
    }
    auto& guest = debugger_.guest();
    guest.context().states.set(std::move(judges), guest.vcpu_count());
}

// A guest that has no handler yet may get one; one with a task gate will not.
Result<void> ExitCatches::check_handler(const Entry& entry) {
    TRY(watch_handlers());
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

std::string ExitCatches::watched_by(const Entry& entry) const {
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

std::string ExitCatches::describe(unsigned number) const {
    const auto found =
        std::ranges::find_if(entries_, [number](const auto& entry) { return entry->number == number; });
    if (found == entries_.end())
        return {};
    const Entry& entry = **found;
    std::string text = fmt::format("Rule {}: {}\n", number, entry.rule.text);
    if (entry.state)
        text += "No exit reports it: the guest is stepped, and runs slowly meanwhile.\n";
    if (entry.handler) {
        text += fmt::format("It is watched for by {}.\n", watched_by(entry));
        const auto& handlers = debugger_.guest().context().handlers;
        for (std::uint32_t i = 0; i < debugger_.vcpu_count(); ++i) {
            if (handlers.wants_steps(VcpuIndex{i}))
                return text + "Until the guest has one it is stepped, which is slow.\n";
        }
    }
    return text;
}

Result<void> ExitCatches::arm(Entry& entry) const {
    if (!entry.plan.filter)
        return {};
    exits::install_catch_handler();
    TRY(arm(entry, entry.plan.event, *entry.plan.filter));
    if (!entry.plan.second_event.empty())
        TRY(arm(entry, entry.plan.second_event, entry.plan.second_filter));
    return {};
}

Result<void> ExitCatches::arm(Entry& entry, const std::string& event, const std::string& filter) const {
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

// One filter for all rules: KVM replaces the last one (KVM API, 4.97 KVM_X86_SET_MSR_FILTER).
Result<void> ExitCatches::filter_msrs() {
    std::vector<kvm::DeniedMsr> msrs;
    for (const auto& entry : entries_) {
        if (!entry->plan.msr)
            continue;
        if (msrs.size() == kvm::kMostDeniedMsrs)
            return failure("catch " + entry->rule.text,
                           fmt::format("KVM's filter has room for {} MSRs", msrs.size()),
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

std::optional<unsigned> ExitCatches::free_slot() const {
    for (unsigned slot = 0; slot < exits::kCatchSlots; ++slot) {
        if (std::ranges::none_of(entries_, [slot](const auto& entry) { return entry->slot == slot; }))
            return slot;
    }
    return std::nullopt;
}

void ExitCatches::watch(bool on) const {
    machine::Machine& machine = debugger_.machine();
    for (std::uint32_t i = 0; i < machine.vcpu_count(); ++i)
        machine.vcpu(VcpuIndex{i}).watch_exits(on);
}

Result<void> ExitCatches::remove(unsigned number) {
    const auto found =
        std::ranges::find_if(entries_, [number](const auto& entry) { return entry->number == number; });
    if (found == entries_.end())
        return failure("uncatch", fmt::format("there is no rule {}", number),
                       "`monitor exits list` shows them");
    const auto gone = std::move(*found);  // until nobody asks its handler any more
    entries_.erase(found);
    watch(!entries_.empty());
    watch_states();
    TRY(watch_handlers());
    return filter_msrs();
}

void ExitCatches::remove_all() {
    const auto gone = std::exchange(entries_, {});  // until nobody asks their handlers any more
    watch(false);
    watch_states();
    (void)watch_handlers();
    (void)filter_msrs();  // a filter that KVM took can be taken back
}

void ExitCatches::after_restart() {
    (void)filter_msrs();  // the old VM took it
}

exits::Table ExitCatches::table() {
    if (debugger_.stop_token() != nullptr)
        (void)debugger_.guest().look_at_handlers();
    exits::Table table;
    table.columns = {{"rule", exits::Align::Right},
                     {"catch", exits::Align::Left},
                     {"hits", exits::Align::Right},
                     {"watched by", exits::Align::Left}};
    for (const auto& entry : entries_) {
        table.rows.push_back({fmt::to_string(entry->number), entry->rule.text,
                              fmt::to_string(entry->all_hits()), watched_by(*entry)});
        if (entry->rule.subject == exits::CatchSubject::Cr3 && !entry->plan.stepping)
            table.notes.push_back(fmt::format(
                "rule {}: with nested paging (EPT, NPT) processors do not leave the guest for CR3",
                entry->number));
        if (entry->plan.filter_is_coarse)
            table.notes.push_back(
                fmt::format("rule {} also stops at exits of this reason that do not meet its condition: the "
                            "kernel's events do not carry what it asks for",
                            entry->number));
    }
    return table;
}

void ExitCatches::on_exit(machine::VcpuThread& thread, const exits::ExitRecord& exit) {
    const std::uint64_t slots = exits::take_caught_slots(~exits::slot_bit(exits::kBreakpointSlot));
    std::string why;
    for (const auto& entry : entries_) {
        const auto& reasons = entry->plan.userspace;
        if ((slots & exits::slot_bit(entry->slot)) != 0)
            why += hardware_hit(*entry, thread, exit);
        else if (std::ranges::find(reasons, exit.reason) != reasons.end() &&
                 exits::matches(entry->rule, exit))
            why += hit(*entry, exit, describe_userspace_exit(exit));
    }
    // One stop, whichever rules are met: the others would be told after the next resume.
    if (!why.empty() && !stops_by_itself(exit.reason))
        debugger_.report_stop(thread.index(), std::move(why));
}

std::string ExitCatches::describe_userspace_exit(const exits::ExitRecord& exit) const {
    const auto kind = reasons_.address_kind(exit.reason);
    std::string text = reasons_.name(exit.reason);
    if (const std::string access = exits::describe_access(exit, kind); !access.empty())
        text += ": " + access;
    if (const std::string device = names_.device(kind, exit.address); !device.empty())
        text += " (" + device + ")";
    return text;
}

std::string ExitCatches::hardware_hit(Entry& entry, machine::VcpuThread& thread,
                                      const exits::ExitRecord& exit) const {
    const LastHardwareExit last = last_hardware_exit_(thread.index());
    if (!exits::is_transition(entry.rule.subject))
        return hit(entry, exit, last.words);
    const auto what = describe_transition(entry.rule.subject, thread,
                                          debugger_.machine().cpu_features().physical_address_bits, last);
    return what.empty() ? std::string() : hit(entry, exit, what);
}

// Counts, and returns the line for the user if this hit is one to stop at.
std::string ExitCatches::hit(Entry& entry, const exits::ExitRecord& exit, const std::string& what) const {
    const std::uint64_t hits = entry.hits.fetch_add(1, std::memory_order_relaxed) + 1;
    if (hits < entry.rule.count)
        return {};
    if (entry.once) {
        for (const exits::HardwareCatch& armed : entry.armed)
            (void)armed.enable(false);  // one that goes on costs time, and nothing else
        return hits == 1 ? what + "\n" : std::string();
    }
    const std::string symbol = exit.rip != 0 ? names_.symbol(exit.rip) : std::string();
    return fmt::format("exit caught by rule {} ({}), hit {}: {}{}\n", entry.number, entry.rule.text, hits,
                       what.empty() ? "a hardware exit" : what, symbol.empty() ? "" : ", in " + symbol);
}

}  // namespace ringside::debug
