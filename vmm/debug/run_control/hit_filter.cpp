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

}  // namespace ringside::debug
