#include "vmm/debug/run_control/handler_watch.h"

#include <algorithm>

#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/run_control/exit_registers.h"

namespace ringside::debug {

void HandlerWatch::set(std::vector<WatchedHandler> watched, std::size_t vcpus) {
    watched_ = std::move(watched);
    seen_.assign(vcpus, std::vector<Seen>(watched_.size()));
}

void HandlerWatch::forget() {
    for (auto& vcpu : seen_)
        vcpu.assign(watched_.size(), Seen{});
}

// While a guest's guest runs, the registers are not those of the watched guest.
std::vector<HandlerLookup> HandlerWatch::look_up(const GuestView& view,
                                                 const x86::SystemRegisters& system) const {
    std::vector<HandlerLookup> now;
    if (!system.inner.running) {
        for (const WatchedHandler& each : watched_)
            now.push_back(find_handler(view, system, each.vector));
    }
    return now;
}

bool HandlerWatch::differs(VcpuIndex vcpu, const std::vector<HandlerLookup>& now) const {
    const auto& seen = seen_[vcpu.value];
    return std::ranges::mismatch(now, seen, [](const HandlerLookup& handler, const Seen& before) {
               return before.known && handler == before.handler;
           }).in1 != now.end();
}

bool HandlerWatch::look(VcpuIndex vcpu, const GuestView& view, const x86::SystemRegisters& system,
                        std::string& said) {
    const auto now = look_up(view, system);
    if (now.empty() || !differs(vcpu, now))
        return false;
    auto& seen = seen_[vcpu.value];
    for (std::size_t i = 0; i < now.size(); ++i) {
        const Seen before = std::exchange(seen[i], Seen{true, now[i]});
        if (before.known && before.handler != now[i])
            said += watched_[i].judge->moved(vcpu, before.handler, now[i]);
    }
    return true;
}

bool HandlerWatch::update(DebugContext& context, VcpuIndex vcpu, const ExitRegisters& at) {
    if (empty())
        return false;
    const auto now = look_up(context.view, at.system);
    if (now.empty() || !differs(vcpu, now) || !context.coordinator.park_others(vcpu))
        return false;
    std::string said;
    look(vcpu, context.view, at.system, said);
    context.table.set_judged(context.view, at.system, places());
    context.coordinator.resume_others();
    if (!said.empty())
        context.events.on_printed(vcpu, said);
    return true;
}

bool HandlerWatch::wants_steps(VcpuIndex vcpu) const {
    return !empty() && std::ranges::any_of(seen_[vcpu.value], [](const Seen& seen) {
        const auto* none = std::get_if<NoHandler>(&seen.handler);
        return seen.known && none != nullptr && (*none == NoHandler::NoTable || *none == NoHandler::NoVector);
    });
}

std::vector<JudgedPlace> HandlerWatch::places() const {
    std::vector<JudgedPlace> places;
    for (const auto& vcpu : seen_) {
        for (std::size_t i = 0; i < watched_.size(); ++i) {
            const auto* handler = std::get_if<Handler>(&vcpu[i].handler);
            if (handler == nullptr)
                continue;
            const JudgedPlace place{handler->address, watched_[i].judge};
            if (std::ranges::find(places, place) == places.end())
                places.push_back(place);
        }
    }
    return places;
}

HandlerLookup HandlerWatch::found(VcpuIndex vcpu, const HandlerJudge* judge) const {
    for (std::size_t i = 0; i < watched_.size(); ++i) {
        if (watched_[i].judge == judge)
            return seen_[vcpu.value][i].handler;
    }
    return NoHandler::NoTable;
}

}  // namespace ringside::debug
