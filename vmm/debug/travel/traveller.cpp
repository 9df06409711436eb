#include "vmm/debug/travel/traveller.h"

#include <algorithm>

#include "vmm/machine/dirty_pages.h"

namespace ringside::debug {

namespace {

constexpr unsigned kStepsAtOnce = 5000;  // some ms

Arrival end_of_log() {
    return {.present = false, .stop = {gdbstub::ReplayLogEnd{.at_begin = true}, {}}};
}

}  // namespace

Traveller::Registers Traveller::registers(const history::History& history) {
    const auto& vcpu = history.image().vcpu();
    return {kvm::from_kvm(vcpu.general), kvm::from_kvm(vcpu.system)};
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
    Breakpoint* touched = nullptr;
    if (!table_.plan().stepped_watchpoints.empty()) {
        look_before(history);
        const auto record = history.position();
        history.redo();
        touched = look_after(history, record);
        history.undo();
    }
    return arrive(history, touched);
}

std::optional<Arrival> Traveller::step_forward(history::History& history) {
    const bool watches = !table_.plan().stepped_watchpoints.empty();
    if (watches)
        look_before(history);
    if (!redo_step(history))
        return Arrival{.present = true, .stop = {}};
    return arrive(history, watches ? look_after(history, history.position() - 1) : nullptr);
}

std::optional<Arrival> Traveller::arrive(history::History& history, Breakpoint* touched) {
    const Registers at = registers(history);
    if (touched != nullptr && stops_here(*touched, at))
        return Arrival{.present = false, .stop = {watchpoint_stop(*touched), {}}};
    const auto* range = std::get_if<gdbstub::RangeStep>(&action_);
    const bool left = range != nullptr && (at.general.rip < range->start || at.general.rip >= range->end);
    if (left || std::holds_alternative<gdbstub::Step>(action_))
        return Arrival{.present = false, .stop = {gdbstub::StoppedBySignal{gdbstub::Signal::Trap, true}, {}}};
    const Gva pc = x86::linear_pc(at.general, at.system);
    for (Breakpoint* breakpoint : table_.plan().stepped_breakpoints) {
        if (breakpoint->request.address != pc.value)
            continue;
        if (breakpoint->judge != nullptr) {
            // Only a machine of one vCPU is recorded.
            if (auto words = breakpoint->judge->judge(VcpuIndex{0}, at.general, at.system))
                return Arrival{.present = false,
                               .stop = {gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, *words}};
        } else if (stops_here(*breakpoint, at))
            return Arrival{.present = false,
                           .stop = breakpoint_stop(breakpoint->request.kind, at.general, at.system)};
    }
    return std::nullopt;
}

// A breakpoint with commands ran them when the guest passed.
bool Traveller::stops_here(Breakpoint& breakpoint, const Registers& at) {
    const auto& request = breakpoint.request;
    if (breakpoint.address_space &&
        !view_.in_address_space(at.system, *breakpoint.address_space, Gva{request.address}))
        return false;
    if (!breakpoint.wanted)  // its tracepoints collected when the guest passed
        return false;
    ++breakpoint.hits;
    return request.commands.empty() &&
           (request.conditions.empty() || conditions_.any_holds(request.conditions, at.general, at.system));
}

void Traveller::look_before(const history::History& history) {
    const Registers at = registers(history);
    x86::CpuState state;
    state.general = at.general;
    state.system = at.system;
    std::array<std::byte, x86::kMaxInstructionLength> code{};
    const auto size = view_.fetch(at.system, x86::linear_pc(at.general, at.system), code);
    watch_.before(table_.plan().stepped_watchpoints, view_, state, std::span(code).first(size));
}

// A step of more than one instruction (with an interrupt's handler) writes more than its first instruction shows.
Breakpoint* Traveller::look_after(const history::History& history, std::uint64_t record) {
    const Registers at = registers(history);
    const auto& watchpoints = table_.plan().stepped_watchpoints;
    if (Breakpoint* touched = watch_.after(watchpoints, view_, at.general, at.system))
        return touched;
    const auto found = std::ranges::find_if(
        watchpoints, [&](const Breakpoint* watchpoint) { return writes(history, record, *watchpoint); });
    return found == watchpoints.end() ? nullptr : *found;
}

bool Traveller::writes(const history::History& history, std::uint64_t record,
                       const Breakpoint& watchpoint) const {
    const auto& request = watchpoint.request;
    if (request.kind == gdbstub::BreakpointKind::ReadWatch)
        return false;
    const auto system = view_.tables_for(registers(history).system, Gva{request.address});
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
