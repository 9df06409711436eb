#include "vmm/debug/travel/traveller.h"

#include <algorithm>

#include "vmm/machine/dirty_pages.h"

namespace ringside::debug {

namespace {

constexpr unsigned kStepsAtOnce = 5000;  // some ms

}  // namespace

Arrival Traveller::end_of_log() const {
    return {.present = false, .vcpu = vcpu_, .stop = {gdbstub::ReplayLogEnd{.at_begin = true}, {}}};
}

Traveller::Registers Traveller::registers(const history::History& history, VcpuIndex vcpu) {
    const auto& image = history.image().vcpu(vcpu);
    return {kvm::from_kvm(image.general), kvm::from_kvm(image.system)};
}

std::optional<Arrival> Traveller::go_on(history::History& history) {
    std::optional<Arrival> arrival;
    for (unsigned i = 0; i < kStepsAtOnce && !arrival; ++i)
        arrival = direction_ == Direction::Back ? step_back(history) : step_forward(history);
    return arrival;
}

bool Traveller::undo_step(history::History& history) {
    while (!history.at_begin()) {
        if (history.undo() == history::Change::Step)
            return true;
    }
    return false;
}

bool Traveller::redo_step(history::History& history) {
    while (!history.at_end()) {
        if (history.redo() == history::Change::Step)
            return true;
    }
    return false;
}

// Detects a triggered watchpoint as on a running guest: by comparing the state before and after the step.
std::optional<Arrival> Traveller::step_back(history::History& history) {
    if (!undo_step(history))
        return end_of_log();
    Touched touched;
    const auto vcpu = history.vcpu_of(history.position());
    if (!table_.plan().stepped_watchpoints.empty()) {
        look_before(history, vcpu);
        const auto record = history.position();
        history.redo();
        touched = look_after(history, record);
        history.undo();
    }
    return arrive(history, vcpu, touched);
}

std::optional<Arrival> Traveller::step_forward(history::History& history) {
    const bool watches = !table_.plan().stepped_watchpoints.empty();
    if (watches && !history.at_end())
        look_before(history, history.vcpu_here());
    if (!redo_step(history))
        return Arrival{.present = true, .vcpu = vcpu_, .stop = {}};
    const auto record = history.position() - 1;
    return arrive(history, history.vcpu_of(record), watches ? look_after(history, record) : Touched{});
}

std::optional<Arrival> Traveller::arrive(const history::History& history, VcpuIndex vcpu,
                                         const Touched& touched) {
    const Registers at = registers(history, vcpu);
    const auto stop = [vcpu](StopWords words) {
        return Arrival{.present = false, .vcpu = vcpu, .stop = std::move(words)};
    };
    for (const TouchedWatchpoint& each : touched) {
        if (auto words = stop_at(each, vcpu, at))
            return stop(std::move(*words));
    }
    const auto* range = std::get_if<gdbstub::RangeStep>(&action_);
    const bool left = range != nullptr && (at.general.rip < range->start || at.general.rip >= range->end);
    if (vcpu == vcpu_ && (left || std::holds_alternative<gdbstub::Step>(action_)))
        return stop({gdbstub::StoppedBySignal{gdbstub::Signal::Trap, true}, {}});
    if (table_.plan().stepped_breakpoints.empty())
        return std::nullopt;
    const CodePlace place = table_.place_at(view_, at.system, x86::linear_pc(at.general, at.system));
    for (Breakpoint* breakpoint : table_.plan().stepped_breakpoints) {
        if (!breakpoint->is_on(place))
            continue;
        if (auto words = stop_at(*breakpoint, vcpu, at))
            return stop(std::move(*words));
    }
    return std::nullopt;
}

std::optional<StopWords> Traveller::stop_at(const TouchedWatchpoint& touched, VcpuIndex vcpu,
                                            const Registers& at) {
    Breakpoint& watchpoint = *touched.watchpoint;
    if (watchpoint.judge == nullptr)
        return stops_here(watchpoint, at) ? std::optional(StopWords{watchpoint_stop(watchpoint), {}})
                                          : std::nullopt;
    ++watchpoint.hits;
    auto words = watchpoint.judge->judge({vcpu, at.general, at.system, touched.before, touched.after});
    return words ? std::optional(StopWords{gdbstub::StoppedBySignal{}, std::move(*words)}) : std::nullopt;
}

std::optional<StopWords> Traveller::stop_at(Breakpoint& breakpoint, VcpuIndex vcpu, const Registers& at) {
    if (breakpoint.judge == nullptr)
        return stops_here(breakpoint, at)
                   ? std::optional(breakpoint_stop(breakpoint.request.kind, at.general, at.system))
                   : std::nullopt;
    if (!is_in_its_space(view_, at.system, x86::linear_pc(at.general, at.system), breakpoint))
        return std::nullopt;
    ++breakpoint.hits;
    auto words = breakpoint.judge->judge({vcpu, at.general, at.system});
    return words ? std::optional(StopWords{gdbstub::StoppedBySignal{}, std::move(*words)}) : std::nullopt;
}

// A breakpoint with commands ran them when the guest passed.
bool Traveller::stops_here(Breakpoint& breakpoint, const Registers& at) {
    const auto& request = breakpoint.request;
    if (!is_in_its_space(view_, at.system, x86::linear_pc(at.general, at.system), breakpoint))
        return false;
    if (!breakpoint.wanted)  // its tracepoints collected when the guest passed
        return false;
    ++breakpoint.hits;
    return request.commands.empty() &&
           (request.conditions.empty() || conditions_.any_holds(request.conditions, at.general, at.system));
}

void Traveller::look_before(const history::History& history, VcpuIndex vcpu) {
    const Registers at = registers(history, vcpu);
    x86::CpuState state;
    state.general = at.general;
    state.system = at.system;
    std::array<std::byte, x86::kMaxInstructionLength> code{};
    const auto size = view_.fetch(at.system, x86::linear_pc(at.general, at.system), code);
    watch_.before(table_.plan().stepped_watchpoints, view_, state, std::span(code).first(size));
}

// A step of more than one instruction (with an interrupt's handler) writes more than its first instruction shows.
Traveller::Touched Traveller::look_after(const history::History& history, std::uint64_t record) {
    const Registers at = registers(history, history.vcpu_of(record));
    const auto& watchpoints = table_.plan().stepped_watchpoints;
    auto touched = watch_.after(watchpoints, view_, at.general, at.system, true);
    if (!touched.empty())
        return touched;
    const auto found = std::ranges::find_if(
        watchpoints, [&](const Breakpoint* watchpoint) { return writes(history, record, *watchpoint); });
    if (found != watchpoints.end())
        touched.push_back({*found});
    return touched;
}

bool Traveller::writes(const history::History& history, std::uint64_t record,
                       const Breakpoint& watchpoint) const {
    const auto& request = watchpoint.request;
    if (request.kind == gdbstub::BreakpointKind::ReadWatch || watchpoint.physical)
        return false;
    const auto system =
        view_.tables_for(registers(history, history.vcpu_of(record)).system, Gva{request.address});
    bool found = false;
    for (std::uint64_t done = 0; done < request.size && !found;) {
        const Gva address{request.address + done};
        const std::uint64_t size =
            std::min(request.size - done, machine::kPageSize - address.value % machine::kPageSize);
        done += size;
        const auto page = view_.translate(system, address);
        if (!page)
            continue;
        history::Delta(history.log().at(record).bytes)
            .for_each_run([&](Gpa gpa, std::span<const std::byte> bytes) {
                found = found ||
                        (gpa.value < page->gpa.value + size && page->gpa.value < gpa.value + bytes.size());
            });
    }
    return found;
}

}  // namespace ringside::debug
