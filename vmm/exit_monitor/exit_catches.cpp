#include "vmm/exit_monitor/exit_catches.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vmm/exit_monitor/transitions.h"
#include "vmm/exits/hardware/caught_exits.h"

namespace ringside::debug {

ExitCatches::ExitCatches(Debugger& debugger, ExitNames& names, CatchHits::LastExit last_hardware_exit)
    : debugger_(debugger),
      names_(names),
      watch_(debugger),
      hits_(debugger, names, std::move(last_hardware_exit)) {}

Result<unsigned> ExitCatches::add(std::string_view text) {
    return add_entry(text, std::nullopt).map([](const CatchEntry* entry) { return entry->number; });
}

Result<void> ExitCatches::add_once(std::string_view text, VcpuIndex vcpu) {
    std::erase_if(entries_, [](const auto& entry) { return entry->once.has_value(); });
    return add_entry(text, vcpu).map([](const CatchEntry*) {});
}

// A rule for once that was made at the stop before the last, or has had its hit, is over.
void ExitCatches::on_resume() {
    const auto over = [](const auto& entry) {
        return entry->once && (entry->resumed || entry->hits.load() != 0);
    };
    if (std::erase_if(entries_, over) != 0)
        (void)watch_.update(entries_);
    for (const auto& entry : entries_)
        entry->resumed = true;
}

Result<CatchEntry*> ExitCatches::add_entry(std::string_view text, std::optional<VcpuIndex> once) {
    auto rule = TRY(exits::parse_catch(text));
    const auto slot = free_slot();
    if (!slot)
        return failure("catch", fmt::format("there are already {} rules", exits::kCatchSlots),
                       "Remove one first");
    exits::CatchPlan plan;
    if (!exits::is_event(rule.subject))
        plan = TRY(watch_.plan(rule));
    if (rule.of_l2 || exits::is_transition(rule.subject))
        TRY(can_be_hypervisor(once ? "until" : "catch", debugger_.machine()));
    auto entry = std::make_unique<CatchEntry>();
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
    TRY(watch_.arm(*entry));
    entries_.push_back(std::move(entry));
    auto watched = watch_.update(entries_);
    if (watched && entries_.back()->handler)
        watched = watch_.check_handler(*entries_.back());
    if (!watched) {
        const auto gone = std::move(entries_.back());  // until nothing asks its handler any more
        entries_.pop_back();
        (void)watch_.update(entries_);  // as before
        return tl::unexpected<Error>(watched.error());
    }
    ++next_number_;
    return entries_.back().get();
}

std::string ExitCatches::describe(unsigned number) const {
    const auto found =
        std::ranges::find_if(entries_, [number](const auto& entry) { return entry->number == number; });
    if (found == entries_.end())
        return {};
    const CatchEntry& entry = **found;
    std::string text = fmt::format("Rule {}: {}\n", number, entry.rule.text);
    if (entry.state)
        text += "No exit reports this: the guest is stepped, and runs slowly meanwhile.\n";
    if (entry.handler) {
        text += fmt::format("It is watched for by {}.\n", watch_.describe(entry));
        if (watch_.waits_for_handler())
            text += "Until the guest has one it is stepped, which is slow.\n";
    }
    return text;
}

std::optional<unsigned> ExitCatches::free_slot() const {
    for (unsigned slot = 0; slot < exits::kCatchSlots; ++slot) {
        if (std::ranges::none_of(entries_, [slot](const auto& entry) { return entry->slot == slot; }))
            return slot;
    }
    return std::nullopt;
}

Result<void> ExitCatches::remove(unsigned number) {
    const auto found =
        std::ranges::find_if(entries_, [number](const auto& entry) { return entry->number == number; });
    if (found == entries_.end())
        return failure("uncatch", fmt::format("there is no rule {}", number),
                       "`monitor exits list` shows them");
    const auto gone = std::move(*found);  // until nothing asks its handler any more
    entries_.erase(found);
    return watch_.update(entries_);
}

void ExitCatches::remove_all() {
    const auto gone = std::exchange(entries_, {});  // until nothing asks their handlers any more
    (void)watch_.update(entries_);                  // a filter that KVM took can be taken back
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
                              fmt::to_string(entry->all_hits()), watch_.describe(*entry)});
        if (entry->rule.subject == exits::CatchSubject::Cr3 && !entry->plan.stepping)
            table.notes.push_back(fmt::format(
                "rule {}: with nested paging (EPT, NPT) accesses to CR3 cause no exit", entry->number));
        if (entry->plan.filter_is_coarse)
            table.notes.push_back(
                fmt::format("rule {} also stops at exits of this reason that do not meet its condition: the "
                            "kernel's events do not contain what it tests",
                            entry->number));
    }
    return table;
}

namespace {

// Asks each event, so that none is taken for a new one at the next signal.
bool fired(CatchEntry& entry, pid_t thread, exits::CaughtSlots slots) {
    const std::uint64_t own = exits::slot_bit(entry.slot);
    if ((slots.possible & own) == 0)
        return false;
    bool counted = false;
    for (exits::HardwareCatch& armed : entry.armed)
        counted = (armed.thread() == thread && armed.fired()) || counted;
    return counted || (slots.signalled & own) != 0;
}

}  // namespace

void ExitCatches::on_exit(machine::VcpuThread& thread, const exits::ExitRecord& exit) {
    const auto slots = exits::take_caught_slots(~exits::slot_bit(exits::kBreakpointSlot));
    std::string why;
    for (const auto& entry : entries_) {
        const auto& reasons = entry->plan.userspace;
        if (fired(*entry, thread.tid(), slots))
            why += hits_.in_hardware(*entry, thread, exit);
        else if (std::ranges::find(reasons, exit.reason) != reasons.end() &&
                 exits::matches(entry->rule, exit))
            why += hits_.in_userspace(*entry, exit);
    }
    // One stop, whichever rules are met: the others would be reported after the next resume. An exit that stops the vCPU
    // anyway has a reason of its own.
    if (!why.empty() && !exits::is_stop(exit.reason))
        debugger_.report_stop(thread.index(), std::move(why));
}

}  // namespace ringside::debug
