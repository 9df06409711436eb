#include "vmm/debug/run_control/hit_filter.h"

namespace ringside::debug {

bool HitFilter::is_meant_here(const Breakpoint& breakpoint) const {
    if (!breakpoint.level_open && breakpoint.level != x86::level_of(at_.system))
        return false;
    return !breakpoint.address_space || context_.view.in_address_space(at_.system, *breakpoint.address_space,
                                                                       Gva{breakpoint.request.address});
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

std::optional<std::string> HitFilter::judged(Breakpoint& breakpoint) {
    if (!is_meant_here(breakpoint))
        return std::nullopt;
    ++breakpoint.hits;
    return breakpoint.judge->judge(vcpu_, at_.general, at_.system);
}

Breakpoint* HitFilter::stopping(Breakpoint& breakpoint, std::string& words) {
    if (breakpoint.is_watchpoint())
        return stops(breakpoint) ? &breakpoint : nullptr;
    Breakpoint *clients = nullptr, *others = nullptr;
    const auto look_at = [&](Breakpoint& each) {
        if (each.judge == nullptr) {
            if (stops(each) && clients == nullptr)
                clients = &each;
        } else if (const auto line = judged(each)) {
            words += *line;
            others = &each;
        }
    };
    context_.table.for_each_at(Gva{breakpoint.request.address}, look_at);
    return clients != nullptr ? clients : others;
}

}  // namespace ringside::debug
