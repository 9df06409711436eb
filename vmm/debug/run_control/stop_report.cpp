#include "vmm/debug/run_control/stop_report.h"

#include <fmt/format.h>

#include "vmm/debug/run_control/stop_reasons.h"
#include "vmm/debug/run_control/thread_ids.h"

namespace ringside::debug {

void StopReport::send(gdbstub::StopReason reason, std::string console) {
    coordinator_.report(vcpu_, {thread_of(vcpu_), reason, std::move(console)});
}

void StopReport::report(gdbstub::StopReason reason, std::string console) {
    phase_ = Reported{};
    shown_at_ = at_.pc().value != at_.general.rip ? std::optional(at_.pc()) : std::nullopt;
    if (at_.system.inner.running)
        console += fmt::format("vCPU {} is in its guest's guest (L2)\n", vcpu_.value);
    send(reason, std::move(console));
}

void StopReport::report_hit(const Breakpoint& breakpoint, std::string words, bool client_would_go_on) {
    if (breakpoint.is_watchpoint() && breakpoint.judge == nullptr)
        return report(watchpoint_stop(breakpoint), std::move(words));
    if (breakpoint.judge != nullptr) {
        report(judged_stop(client_would_go_on), std::move(words));
        if (!breakpoint.is_watchpoint())
            shown_at_ = at_.pc();
        return;
    }
    auto stop = breakpoint_stop(breakpoint.request.kind, at_.general, at_.system);
    report(stop.reason, words + stop.console);
}

void StopReport::report_failure(const Error& error) {
    report(gdbstub::StoppedBySignal{gdbstub::Signal::Abort, false}, error.message() + "\n");
    phase_ = Nothing{};
}

void StopReport::report_death(gdbstub::Signal signal, const std::string& why) {
    report(gdbstub::StoppedBySignal{signal, false}, why);
    phase_ = Dead{why};
    death_ = why;
}

bool StopReport::clear() {
    if (const auto* why = dead()) {
        send(gdbstub::StoppedBySignal{gdbstub::Signal::Segv, false}, *why);
        return false;
    }
    phase_ = Nothing{};
    return true;
}

// A planted instruction comes first: of several breakpoints on one address it is the one to remove for a step.
Breakpoint* StopReport::shown(BreakpointTable& table, const GuestView& view) {
    if (shown_at_ != at_.pc())
        shown_at_.reset();
    if (!shown_at_)
        return nullptr;
    const auto page = view.translate(at_.system, *shown_at_);
    Breakpoint* planted = page ? table.planted_at(page->gpa) : nullptr;
    return planted != nullptr ? planted : table.execution_at(table.place_at(view, at_.system, *shown_at_));
}

void StopReport::moved_in_time(bool present) {
    if (present && death_)
        phase_ = Dead{*death_};
    else
        phase_ = Nothing{};
}

}  // namespace ringside::debug
