#include "vmm/debug/run_control/hit_filter.h"

#include <algorithm>

namespace ringside::debug {

namespace {

bool is_among(const Breakpoint& breakpoint, std::span<const TouchedWatchpoint> touched) {
    return std::ranges::any_of(touched, [&](const auto& each) { return each.watchpoint == &breakpoint; });
}

}  // namespace

bool HitFilter::is_meant_here(const Breakpoint& breakpoint) const {
    if (!breakpoint.level_open && breakpoint.level != x86::level_of(at_.system))
        return false;
    return is_in_its_space(context_.view, at_.system, at_.pc(), breakpoint);
}

bool HitFilter::stops(Breakpoint& breakpoint) {
    if (!is_meant_here(breakpoint))
        return false;
    ++breakpoint.hits;
    traced_.on_hit(breakpoint);
    if (!breakpoint.wanted)
        return false;
    const auto& request = breakpoint.request;
    if (!request.conditions.empty() && !scope_.any_holds(request.conditions, at_.general, at_.system))
        return false;
    if (request.commands.empty())
        return true;
    context_.events.on_printed(vcpu_, scope_.run(request.commands, at_.general, at_.system));
    return false;
}

std::optional<std::string> HitFilter::judged(Breakpoint& breakpoint, std::span<const std::byte> before,
                                             std::span<const std::byte> after) {
    if (!is_meant_here(breakpoint))
        return std::nullopt;
    ++breakpoint.hits;
    return breakpoint.judge->judge({vcpu_, at_.general, at_.system, before, after});
}

Breakpoint* HitFilter::stopping(Breakpoint& breakpoint, std::span<const TouchedWatchpoint> touched,
                                std::string& words) {
    Breakpoint* there = stopping_watchpoint(touched, words);
    Breakpoint* here = nullptr;
    if (!breakpoint.is_watchpoint())
        here = stopping_here(breakpoint, words);
    else if (!is_among(breakpoint, touched) && stops(breakpoint))
        here = &breakpoint;
    const bool clients = here != nullptr && here->judge == nullptr;
    return clients || there == nullptr ? here : there;
}

Breakpoint* HitFilter::stopping_here(Breakpoint& breakpoint, std::string& words) {
    const Gva pc = at_.pc();
    note_pc(pc);
    const bool judges_done = evaluated_.has_value();
    const bool clients_done = judges_done && evaluated_->clients_too;
    Unshown unshown = judges_done ? evaluated_->unshown : Unshown{};
    Breakpoint *clients = nullptr, *others = nullptr;
    const auto look_at = [&](Breakpoint& each) {
        if (each.judge == nullptr) {
            if (!clients_done && stops(each) && clients == nullptr)
                clients = &each;
        } else if (judges_done) {
            if (each.judge == unshown.judge)
                others = &each;
        } else if (const auto line = judged(each)) {
            unshown = {each.judge, unshown.words + *line};
            others = &each;
        }
    };
    context_.table.for_each_hit(context_.table.place_at(context_.view, at_.system, pc), breakpoint, look_at);
    const bool stops = clients != nullptr || others != nullptr;
    words += unshown.words;
    evaluated_ = Evaluated{pc, !stops, std::move(unshown)};
    return clients != nullptr ? clients : others;
}

Breakpoint* HitFilter::stopping_watchpoint(std::span<const TouchedWatchpoint> touched, std::string& words) {
    Breakpoint *clients = nullptr, *others = nullptr;
    for (const TouchedWatchpoint& each : touched) {
        if (each.watchpoint->judge == nullptr) {
            if (stops(*each.watchpoint) && clients == nullptr)
                clients = each.watchpoint;
        } else if (const auto line = judged(*each.watchpoint, each.before, each.after)) {
            words += *line;
            others = each.watchpoint;
        }
    }
    return clients != nullptr ? clients : others;
}

}  // namespace ringside::debug
