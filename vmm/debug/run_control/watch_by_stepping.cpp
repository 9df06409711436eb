#include "vmm/debug/run_control/watch_by_stepping.h"

#include <algorithm>

namespace ringside::debug {

namespace {

bool overlaps(const x86::MemoryAccess& access, const gdbstub::BreakpointRequest& request) {
    return access.gva.value < request.address + request.size &&
           request.address < access.gva.value + access.size;
}

bool triggers(const x86::MemoryAccess& access, gdbstub::BreakpointKind kind) {
    switch (kind) {
        case gdbstub::BreakpointKind::WriteWatch:
            return access.write;
        case gdbstub::BreakpointKind::ReadWatch:
            return access.read;
        default:
            return true;
    }
}

// Returns true if the step has put something on the stack inside a watched range.
bool pushed(const gdbstub::BreakpointRequest& request, const x86::CpuState& before, std::uint64_t rsp) {
    const std::uint64_t base = x86::linear_sp(before.general, before.system).value - before.general.rsp;
    return request.address < base + before.general.rsp && base + rsp < request.address + request.size;
}

void read_watched(const GuestView& view, const x86::SystemRegisters& system, const Breakpoint& watchpoint,
                  std::vector<std::byte>& out) {
    out.resize(watchpoint.request.size);
    out.resize(view.fetch(system, Gva{watchpoint.request.address}, out));
}

}  // namespace

void WatchByStepping::before(std::span<Breakpoint* const> watchpoints, const GuestView& view,
                             const x86::CpuState& state, std::span<const std::byte> code) {
    state_ = state;
    code_size_ = std::min(code.size(), code_.size());
    std::copy_n(code.begin(), code_size_, code_.begin());
    bytes_.resize(watchpoints.size());
    for (std::size_t i = 0; i < watchpoints.size(); ++i)
        read_watched(view, state.system, *watchpoints[i], bytes_[i]);
}

Breakpoint* WatchByStepping::after(std::span<Breakpoint* const> watchpoints, const GuestView& view,
                                   const x86::GeneralRegisters& general, const x86::SystemRegisters& system) {
    const std::uint64_t rsp = general.rsp;
    const auto scope =
        general.rip == state_.general.rip ? x86::RepeatScope::OneIteration : x86::RepeatScope::AllIterations;
    const auto accesses = decoder_.memory_accesses(std::span(code_).first(code_size_), state_, scope);
    for (std::size_t i = 0; i < watchpoints.size() && i < bytes_.size(); ++i) {
        const auto& request = watchpoints[i]->request;
        if (accesses && std::ranges::any_of(accesses->list(), [&](const auto& access) {
                return overlaps(access, request) && triggers(access, request.kind);
            }))
            return watchpoints[i];
        // What decoding cannot find: an access that it lists incompletely, or a frame that an interrupt has
        // pushed. Where decoding is complete, a change was made by another vCPU, which reports it.
        const bool may_be_ours = !accesses || !accesses->complete() || pushed(request, state_, rsp);
        if (!may_be_ours || request.kind == gdbstub::BreakpointKind::ReadWatch)
            continue;
        read_watched(view, system, *watchpoints[i], now_);
        if (now_ != bytes_[i])
            return watchpoints[i];
    }
    return nullptr;
}

}  // namespace ringside::debug
