#include "vmm/debug/run_control/vcpu_stops.h"

#include <algorithm>
#include <array>

#include "arch/x86_64/trap_instructions.h"

namespace ringside::debug {

void VcpuStops::begin() {
    passes_hits_ = false;
    hits_.note_pc(at_.pc());
    context_.states.begin(vcpu_, at_);
}

std::optional<VcpuStops::Stop> VcpuStops::at_hit(Breakpoint& breakpoint,
                                                 std::span<const TouchedWatchpoint> touched) {
    std::string words;
    const Breakpoint* stop = hits_.stopping(breakpoint, touched, words);
    if (stop != nullptr)
        return Stop{.breakpoint = stop, .words = std::move(words)};
    passes_hits_ = true;
    return std::nullopt;
}

std::optional<VcpuStops::Stop> VcpuStops::after_step(const DebugPlan& plan) {
    auto stop = changed_state();
    return stop ? stop : here(plan);
}

std::optional<VcpuStops::Stop> VcpuStops::before_step(const DebugPlan& plan) {
    return passed_ == at_.general.rip ? std::nullopt : here(plan);
}

// Returns a stop if the step has done what a rule asks for.
std::optional<VcpuStops::Stop> VcpuStops::changed_state() {
    if (context_.states.empty())
        return std::nullopt;
    constexpr auto kHalt = std::to_integer<std::uint64_t>(x86::opcode(x86::TrapInstruction::Halt));
    const bool halts =
        !at_.in_user_mode() && context_.view.load(at_.system, at_.pc(), sizeof(std::byte)) == kHalt;
    auto words = context_.states.look(vcpu_, at_, halts);
    return words.empty() ? std::nullopt : std::optional(Stop{.words = std::move(words)});
}

bool VcpuStops::is_at_clients() const {
    const CodePlace here{at_.pc(), std::nullopt};
    return std::ranges::any_of(context_.table.list(),
                               [&here](const auto* each) { return each->is_on(here); });
}

// A breakpoint that is found by stepping, or the guest's own xchg %bx,%bx.
std::optional<VcpuStops::Stop> VcpuStops::here(const DebugPlan& plan) {
    const Gva pc = at_.pc();
    const CodePlace place = plan.stepped_breakpoints.empty()
                                ? CodePlace{pc, std::nullopt}
                                : context_.table.place_at(context_.view, at_.system, pc);
    for (Breakpoint* breakpoint : plan.stepped_breakpoints) {
        if (!breakpoint->is_on(place))
            continue;
        std::string words;
        if (const Breakpoint* stop = hits_.stopping(*breakpoint, {}, words))
            return Stop{.breakpoint = stop, .words = std::move(words)};
        break;  // the others at the address have been evaluated as well
    }
    if (!context_.guest_stops.exchange)
        return std::nullopt;
    std::array<std::byte, x86::kExchangeStopBytes> code{};
    const std::size_t size = context_.view.fetch(at_.system, pc, code);
    const auto length =
        x86::exchange_stop_length(std::span(code).first(size), x86::cpu_mode(at_.general, at_.system));
    return length == 0 ? std::nullopt : std::optional(Stop{.exchange = length});
}

}  // namespace ringside::debug
