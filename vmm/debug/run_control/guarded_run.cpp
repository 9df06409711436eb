#include "vmm/debug/run_control/guarded_run.h"

#include <utility>

#include "vmm/exits/record/tsc_clock.h"

namespace ringside::debug {

using Verdict = WatchCost::Verdict;

Result<GuardedRun::Next> GuardedRun::on_fault() {
    PageGuard* const guard = context_.guard;
    if (!has_pages())
        return Next::NotOurs;
    if (!guard->pages()->closed())
        return ++late_faults_ <= kMostLateFaults ? Next::Nothing : Next::NotOurs;
    late_faults_ = 0;
    TRY(at_.fetch());
    if (!guard->active())
        return change([guard] { return guard->open(); });
    if (const auto why = TRY(objection()); !why.empty())
        return give_up(why);
    const bool begun = TRY(step_off_.begin_write(*guard));
    return begun ? Next::Arm : Next::Nothing;
}

// The frame of an interrupt is not an instruction's write: its step would run through the handler.
Result<std::string> GuardedRun::objection() const {
    const auto events = TRY(at_.events());
    if (events.interrupt || events.nmi_injected || (events.exception && events.exception->injected))
        return std::string("interrupts and exceptions use their pages as a stack");
    return context_.guard->objection(at_.system);
}

bool GuardedRun::write(Gpa gpa, std::span<const std::byte> data, TouchedWatchpoint& touched) {
    PageGuard* const guard = context_.guard;
    touched = {};
    if (!has_pages() || !guard->holds(gpa))
        return false;
    Breakpoint* const there = guard->watchpoint_at(gpa, data.size());
    const bool physical = there != nullptr && there->physical;
    if (physical)
        read_watched(context_.view, at_.system, *there, before_);
    const auto& memory = context_.view.memory();
    memory.device_write(gpa, memory.span(gpa, data.size()), data);
    touched = {there};
    if (!physical)
        return true;
    read_watched(context_.view, at_.system, *there, after_);
    touched = after_ != before_ ? TouchedWatchpoint{there, before_, after_} : TouchedWatchpoint{};
    return true;
}

Result<GuardedRun::Next> GuardedRun::give_up_to_kvm() {
    if (!protects())
        return Next::Nothing;
    return give_up("KVM executes an instruction that writes to their pages itself");
}

Result<GuardedRun::Next> GuardedRun::after_step(bool let_pass, bool wrote_near) {
    PageGuard* const guard = context_.guard;
    if (!has_pages())
        return Next::Nothing;
    const auto now = exits::read_tsc();
    if (let_pass && guard->active() && guard->after_write(now) == Verdict::TryStepping)
        return change([guard, now] { return guard->try_stepping(now); });
    switch (guard->after_step(now, wrote_near)) {
        case Verdict::Protection:
            return end_trial();
        case Verdict::Stepping:
            return give_up("the guest writes to their pages so often that this is faster");
        default:
            return Next::Nothing;
    }
}

Result<GuardedRun::Next> GuardedRun::end_trial() {
    std::string why;
    auto next = change([this, &why]() -> Result<void> {
        why = TRY(context_.guard->protect_again(thread_.index(), at_.system));
        return why.empty() ? Result<void>{} : context_.guard->give_up(why);
    });
    if (next && !why.empty())
        context_.events.on_guard_ended(thread_.index(), why);
    return next;
}

Result<GuardedRun::Next> GuardedRun::look() {
    if (!protects())
        return Next::Nothing;
    PageGuard* const guard = context_.guard;
    TRY(at_.fetch());
    auto why = guard->objection(at_.system);
    if (why.empty())
        why = guard->objection(PageGuard::kvm_areas(thread_.vcpu()));
    return why.empty() ? Next::Nothing : give_up(why);
}

Result<GuardedRun::Next> GuardedRun::give_up(const std::string& why) {
    const auto next = TRY(change([this, &why] { return context_.guard->give_up(why); }));
    if (next == Next::Arm)
        context_.events.on_guard_ended(thread_.index(), why);
    return next;
}

// If the others cannot be parked, this vCPU is about to park, and the cause comes again.
Result<GuardedRun::Next> GuardedRun::change(const std::function<Result<void>()>& how) {
    const bool already_alone = step_off_.alone();
    if (!already_alone && !context_.coordinator.park_others(thread_.index()))
        return Next::Nothing;
    const auto changed = how();
    if (!already_alone)
        context_.coordinator.resume_others();
    TRY(changed);
    return Next::Arm;
}

Result<void> GuardedRun::keep_looking() {
    const bool wanted = protects();
    if (wanted == looking_)
        return {};
    if (!timer_) {
        auto made = TRY(machine::KickTimer::create());
        timer_.emplace(std::move(made));
    }
    if (wanted)
        timer_->start(kBetweenLooks);
    else
        timer_->stop();
    looking_ = wanted;
    return {};
}

void GuardedRun::on_parked() {
    if (std::exchange(looking_, false))
        timer_->stop();
}

}  // namespace ringside::debug
