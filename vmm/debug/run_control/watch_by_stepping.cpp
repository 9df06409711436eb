#include "vmm/debug/run_control/watch_by_stepping.h"

#include <algorithm>

#include "vmm/machine/page_set.h"

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

// A repeated string instruction may name more than it has written so far.
constexpr std::uint64_t kMostLookedUp = 64 * machine::kPageSize;

// Returns true if a linear range is mapped to some byte of a physical watchpoint, or is too large to tell.
bool covers(const GuestView& view, const x86::SystemRegisters& system, Gva start, std::uint64_t size,
            const gdbstub::BreakpointRequest& request) {
    if (size > kMostLookedUp)
        return true;
    for (std::uint64_t done = 0; done < size;) {
        const Gva gva = start + done;
        const auto page = view.translate(system, gva);
        const std::uint64_t length =
            std::min(size - done, machine::kPageSize - gva.value % machine::kPageSize);
        if (page && page->gpa.value < request.address + request.size &&
            request.address < page->gpa.value + length)
            return true;
        done += length;
    }
    return false;
}

// Returns true if a write may be to a page of the watchpoint.
bool is_near(const GuestView& view, const x86::SystemRegisters& system, const x86::MemoryAccess& access,
             const Breakpoint& watchpoint) {
    const auto page = [](std::uint64_t address) { return address / machine::kPageSize; };
    gdbstub::BreakpointRequest pages = watchpoint.request;
    pages.address = page(watchpoint.request.address) * machine::kPageSize;
    pages.size = (page(watchpoint.request.address + (watchpoint.request.size - 1)) + 1) * machine::kPageSize -
                 pages.address;
    return watchpoint.physical ? covers(view, system, access.gva, access.size, pages)
                               : overlaps(access, pages);
}

// The largest frame of an interrupt or exception: six words of 64-bit mode, with an error code.
constexpr std::uint64_t kLargestFrame = 48;

}  // namespace

void read_watched(const GuestView& view, const x86::SystemRegisters& system, const Breakpoint& watchpoint,
                  std::vector<std::byte>& out) {
    const auto& request = watchpoint.request;
    out.resize(request.size);
    out.resize(watchpoint.physical ? view.read_physical(Gpa{request.address}, out).value_or(0)
                                   : view.fetch(system, Gva{request.address}, out));
}

void WatchByStepping::before(std::span<Breakpoint* const> watchpoints, const GuestView& view,
                             const x86::CpuState& state, std::span<const std::byte> code) {
    state_ = state;
    code_size_ = std::min(code.size(), code_.size());
    std::copy_n(code.begin(), code_size_, code_.begin());
    bytes_.resize(watchpoints.size());
    for (std::size_t i = 0; i < watchpoints.size(); ++i)
        read_watched(view, state.system, *watchpoints[i], bytes_[i]);
}

// What is known of a step, for all watchpoints.
struct WatchByStepping::Step {
    const GuestView& view;
    const x86::GeneralRegisters& general;
    const x86::SystemRegisters& system;
    const std::optional<x86::MemoryAccesses>& accesses;
    bool alone;

    bool decoded() const { return accesses && accesses->complete(); }
};

std::vector<TouchedWatchpoint> WatchByStepping::after(std::span<Breakpoint* const> watchpoints,
                                                      const GuestView& view,
                                                      const x86::GeneralRegisters& general,
                                                      const x86::SystemRegisters& system, bool alone) {
    const auto scope =
        general.rip == state_.general.rip ? x86::RepeatScope::OneIteration : x86::RepeatScope::AllIterations;
    accesses_ = decoder_.memory_accesses(std::span(code_).first(code_size_), state_, scope);
    const Step step{view, general, system, accesses_, alone};
    now_.resize(bytes_.size());
    std::vector<TouchedWatchpoint> touched;
    for (std::size_t i = 0; i < watchpoints.size() && i < bytes_.size(); ++i) {
        const Breakpoint& watchpoint = *watchpoints[i];
        if (watchpoint.physical && touches_physical(step, watchpoint, i))
            touched.push_back({watchpoints[i], bytes_[i], now_[i]});
        else if (!watchpoint.physical && touches(step, watchpoint, i))
            touched.push_back({watchpoints[i]});
    }
    return touched;
}

bool WatchByStepping::wrote_near(std::span<Breakpoint* const> watchpoints, const GuestView& view) const {
    return accesses_ && std::ranges::any_of(accesses_->list(), [&](const auto& access) {
               return access.write && std::ranges::any_of(watchpoints, [&](const Breakpoint* each) {
                          return is_near(view, state_.system, access, *each);
                      });
           });
}

bool WatchByStepping::touches(const Step& step, const Breakpoint& watchpoint, std::size_t index) {
    const auto& request = watchpoint.request;
    if (step.accesses && std::ranges::any_of(step.accesses->list(), [&](const auto& access) {
            return overlaps(access, request) && triggers(access, request.kind);
        }))
        return true;
    // What decoding cannot find: an access that it lists incompletely, or a frame that an interrupt has
    // pushed. Where decoding is complete, a change was made by another vCPU, which reports it.
    const bool may_be_ours = !step.decoded() || pushed(request, state_, step.general.rsp);
    if (!may_be_ours || request.kind == gdbstub::BreakpointKind::ReadWatch)
        return false;
    read_watched(step.view, step.system, watchpoint, now_[index]);
    return now_[index] != bytes_[index];
}

// The bytes say if there was a write, the instruction if it was this vCPU's.
bool WatchByStepping::touches_physical(const Step& step, const Breakpoint& watchpoint, std::size_t index) {
    const auto& request = watchpoint.request;
    read_watched(step.view, step.system, watchpoint, now_[index]);
    if (now_[index] == bytes_[index])
        return false;
    if (step.alone || !step.decoded() || std::ranges::any_of(step.accesses->list(), [&](const auto& access) {
            return access.write && covers(step.view, state_.system, access.gva, access.size, request);
        }))
        return true;
    x86::CpuState now;
    now.general = step.general;
    now.system = step.system;
    return covers(step.view, step.system, x86::linear_sp(now.general, now.system), kLargestFrame, request);
}

}  // namespace ringside::debug
