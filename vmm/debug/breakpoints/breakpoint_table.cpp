#include "vmm/debug/breakpoints/breakpoint_table.h"

#include <algorithm>

namespace ringside::debug {

using gdbstub::BreakpointKind;

bool is_in_its_space(const GuestView& view, const x86::SystemRegisters& system, Gva pc,
                     const Breakpoint& breakpoint) {
    const Gva address{breakpoint.request.address};
    if (breakpoint.by_monitor && !breakpoint.physical && address != pc)
        return false;
    return !breakpoint.address_space || view.in_address_space(system, *breakpoint.address_space, address);
}

BreakpointTable::List::iterator BreakpointTable::find(BreakpointKind kind, std::uint64_t address,
                                                      std::uint64_t size) {
    return std::ranges::find_if(breakpoints_, [&](const auto& b) {
        // For execution breakpoints `size` is gdb's instruction kind, which has no meaning here.
        return b->judge == nullptr && b->request.kind == kind && b->request.address == address &&
               (!b->is_watchpoint() || b->request.size == size);
    });
}

Result<void> BreakpointTable::insert(const machine::StopToken&, const GuestView& view,
                                     const x86::SystemRegisters& system,
                                     const gdbstub::BreakpointRequest& request) {
    if (const auto it = find(request.kind, request.address, request.size); it != breakpoints_.end()) {
        (*it)->request = request;
        (*it)->wanted = true;
        return {};
    }
    if (request.kind >= BreakpointKind::WriteWatch &&
        (request.size == 0 || request.address + (request.size - 1) < request.address))
        return failure("insert watchpoint", "the range is empty or wraps around");
    add(view, system, request).hits = removed_.take(request);
    look_at_places(view, system);
    make_plan();
    return {};
}

Breakpoint& BreakpointTable::add(const GuestView& view, const x86::SystemRegisters& system,
                                 const gdbstub::BreakpointRequest& request) {
    auto& breakpoint = *breakpoints_.emplace_back(std::make_unique<Breakpoint>());
    breakpoint.request = request;
    breakpoint.address_space = view.address_space_of(system, Gva{request.address});
    breakpoint.level = level_of(view, system, request.address);
    breakpoint.traced = is_traced(request);
    guarded_ = guarded_ && !breakpoint.is_watchpoint();
    return breakpoint;
}

// A breakpoint that tracepoints need is kept.
void BreakpointTable::drop(List::iterator it) {
    Breakpoint& breakpoint = **it;
    if (is_traced(breakpoint.request)) {
        breakpoint.wanted = false;
        return;
    }
    if (breakpoint.mechanism == Mechanism::Planted)
        planted_.unplant(breakpoint.gpa);
    guarded_ = guarded_ && !breakpoint.is_watchpoint();
    breakpoints_.erase(it);
}

// Of several breakpoints at an address, tracepoints use the software breakpoint.
bool BreakpointTable::is_traced(const gdbstub::BreakpointRequest& request) const {
    return request.kind == BreakpointKind::Software && traced_.contains(request.address);
}

void BreakpointTable::trace(const machine::StopToken&, const GuestView& view,
                            const x86::SystemRegisters& system, const std::vector<std::uint64_t>& addresses) {
    traced_ = {addresses.begin(), addresses.end()};
    for (std::size_t i = breakpoints_.size(); i-- > 0;) {
        Breakpoint& breakpoint = *breakpoints_[i];
        breakpoint.traced = breakpoint.judge == nullptr && is_traced(breakpoint.request);
        if (!breakpoint.wanted)
            drop(breakpoints_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (const std::uint64_t address : traced_) {
        if (find(BreakpointKind::Software, address, 1) != breakpoints_.end())
            continue;
        gdbstub::BreakpointRequest request;
        request.address = address;
        add(view, system, request).wanted = false;
    }
    look_at_places(view, system);
    make_plan();
}

void BreakpointTable::remove(const machine::StopToken&, BreakpointKind kind, std::uint64_t address,
                             std::uint64_t size) {
    const auto it = find(kind, address, size);
    if (it == breakpoints_.end())
        return;  // the protocol wants removal to be idempotent
    if ((*it)->wanted)
        removed_.add(**it);
    drop(it);
    make_plan();
}

void BreakpointTable::remove_all(const machine::StopToken&) {
    remove_clients([](const Breakpoint&) { return true; });
}

void BreakpointTable::remove_abandoned(const machine::StopToken&) {
    remove_clients([](const Breakpoint& breakpoint) {
        return !breakpoint.request.persist || breakpoint.request.commands.empty();
    });
}

void BreakpointTable::remove_clients(const std::function<bool(const Breakpoint&)>& unwanted) {
    for (std::size_t i = breakpoints_.size(); i-- > 0;) {
        if (breakpoints_[i]->judge == nullptr && unwanted(*breakpoints_[i]))
            drop(breakpoints_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    removed_.clear();
    levels_.clear();
    make_plan();
}

void BreakpointTable::remove_if(const std::function<bool(const Breakpoint&)>& unwanted) {
    std::erase_if(breakpoints_, [&](const auto& breakpoint) {
        const bool goes = unwanted(*breakpoint);
        if (goes && breakpoint->mechanism == Mechanism::Planted)
            planted_.unplant(breakpoint->gpa);
        return goes;
    });
}

void BreakpointTable::set_judged(const GuestView& view, const x86::SystemRegisters& system,
                                 std::span<const JudgedPlace> places) {
    const auto place_of = [](const Breakpoint& breakpoint) {
        return JudgedPlace{Gva{breakpoint.request.address}, breakpoint.judge};
    };
    remove_if([&](const Breakpoint& breakpoint) {
        return breakpoint.is_handlers() && std::ranges::find(places, place_of(breakpoint)) == places.end();
    });
    for (const JudgedPlace& place : places) {
        if (std::ranges::any_of(breakpoints_, [&](const auto& each) { return place_of(*each) == place; }))
            continue;
        auto breakpoint = std::make_unique<Breakpoint>();
        breakpoint->request.kind = BreakpointKind::Software;
        breakpoint->request.address = place.address.value;
        breakpoint->request.size = 1;
        breakpoint->judge = place.judge;
        breakpoints_.push_back(std::move(breakpoint));
    }
    look_at_places(view, system);
    make_plan();
    note_mechanisms();
}

void BreakpointTable::insert_for_monitor(const machine::StopToken&, const GuestView& view,
                                         const x86::SystemRegisters& system,
                                         const gdbstub::BreakpointRequest& request, bool physical,
                                         HitJudge& judge) {
    auto breakpoint = std::make_unique<Breakpoint>();
    breakpoint->request = request;
    breakpoint->judge = &judge;
    breakpoint->by_monitor = true;
    breakpoint->physical = breakpoint->level_open = physical;
    if (physical) {
        breakpoint->gpa = Gpa{request.address};
    } else {
        breakpoint->address_space = view.address_space_of(system, Gva{request.address});
        breakpoint->level = level_of(view, system, request.address);
    }
    breakpoints_.push_back(std::move(breakpoint));
    look_at_places(view, system);
    make_plan();
}

void BreakpointTable::remove_for_monitor(const machine::StopToken&, const HitJudge& judge) {
    remove_if([&judge](const Breakpoint& breakpoint) { return breakpoint.judge == &judge; });
    make_plan();
}

const Breakpoint* BreakpointTable::of_judge(const HitJudge& judge) const {
    const auto it = std::ranges::find_if(
        breakpoints_, [&judge](const auto& each) { return each->by_monitor && each->judge == &judge; });
    return it == breakpoints_.end() ? nullptr : it->get();
}

void BreakpointTable::lift_all(const machine::StopToken&) {
    remove_if([](const Breakpoint& breakpoint) { return breakpoint.is_handlers(); });
    for (const auto& breakpoint : breakpoints_) {
        if (breakpoint->mechanism == Mechanism::Planted)
            planted_.unplant(breakpoint->gpa);
        breakpoint->mechanism = Mechanism::Stepping;
        breakpoint->trap.reset();
        breakpoint->address_space.reset();
        breakpoint->level = x86::GuestLevel::L1;
    }
    levels_.clear();
    make_plan();
}

void BreakpointTable::place_all(const machine::StopToken&, const GuestView& view,
                                const x86::SystemRegisters& system) {
    look_at_places(view, system);
    make_plan();
}

x86::GuestLevel BreakpointTable::level_of(const GuestView& view, const x86::SystemRegisters& system,
                                          std::uint64_t address) {
    const auto current = view.chosen_level().value_or(x86::level_of(system));
    return levels_.try_emplace(address, current).first->second;
}

std::vector<const Breakpoint*> BreakpointTable::overwritten() const {
    std::vector<const Breakpoint*> found;
    for (const auto& breakpoint : breakpoints_) {
        if (breakpoint->mechanism == Mechanism::Planted && planted_.overwritten(breakpoint->gpa))
            found.push_back(breakpoint.get());
    }
    return found;
}

// A client's or a handler's is hit at every address that its page is mapped at; the monitor's only at its own.
Breakpoint* BreakpointTable::planted_at(Gpa gpa) const {
    const auto rank = [](const Breakpoint& breakpoint) {
        return (breakpoint.judge != nullptr ? 1 : 0) + (breakpoint.physical ? 1 : 0);
    };
    Breakpoint* found = nullptr;
    for (const auto& each : breakpoints_) {
        if (each->mechanism == Mechanism::Planted && each->gpa == gpa &&
            (found == nullptr || rank(*each) < rank(*found)))
            found = each.get();
    }
    return found;
}

CodePlace BreakpointTable::place_at(const GuestView& view, const x86::SystemRegisters& system, Gva pc) const {
    CodePlace place{pc, std::nullopt};
    if (plan_.physical_places) {
        if (const auto page = view.translate(system, pc))
            place.gpa = page->gpa;
    }
    return place;
}

Breakpoint* BreakpointTable::execution_at(const CodePlace& place) const {
    const auto found =
        std::ranges::find_if(breakpoints_, [&place](const auto& each) { return each->is_on(place); });
    return found == breakpoints_.end() ? nullptr : found->get();
}

std::vector<BreakpointLine> BreakpointTable::lines() const {
    std::vector<BreakpointLine> all;
    for (const auto& breakpoint : breakpoints_)
        all.push_back(describe(*breakpoint));
    all.insert(all.end(), removed_.lines().begin(), removed_.lines().end());
    return all;
}

std::vector<const Breakpoint*> BreakpointTable::list() const {
    std::vector<const Breakpoint*> all;
    for (const auto& breakpoint : breakpoints_) {
        if (breakpoint->judge == nullptr)
            all.push_back(breakpoint.get());
    }
    return all;
}

}  // namespace ringside::debug
