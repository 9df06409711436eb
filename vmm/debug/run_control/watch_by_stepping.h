// Watchpoints without debug slots: each step is decoded for the memory that it accesses, and the watched bytes
// are compared before and after.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/decode.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/guest/guest_view.h"

namespace ringside::debug {

// A watchpoint that a step has triggered. One on physical memory has its bytes before and after it, until the next step.
struct TouchedWatchpoint {
    Breakpoint* watchpoint = nullptr;
    std::span<const std::byte> before = {}, after = {};
};

// Reads the watchpoint's bytes, as many as there are.
void read_watched(const GuestView& view, const x86::SystemRegisters& system, const Breakpoint& watchpoint,
                  std::vector<std::byte>& out);

class WatchByStepping {
  public:
    // Remembers the state before a step, the instruction at `code` and the watched bytes.
    void before(std::span<Breakpoint* const> watchpoints, const GuestView& view, const x86::CpuState& state,
                std::span<const std::byte> code);
    // Those of the same watchpoints that the step has triggered. Takes the state after the step. One on physical memory
    // is triggered by a write of another value. `alone`: nothing else has changed memory meanwhile.
    std::vector<TouchedWatchpoint> after(std::span<Breakpoint* const> watchpoints, const GuestView& view,
                                         const x86::GeneralRegisters& general,
                                         const x86::SystemRegisters& system, bool alone = false);
    // Returns true if that step has written to a page of one of them, as far as decoding finds.
    bool wrote_near(std::span<Breakpoint* const> watchpoints, const GuestView& view) const;

  private:
    struct Step;

    bool touches(const Step& step, const Breakpoint& watchpoint, std::size_t index);
    bool touches_physical(const Step& step, const Breakpoint& watchpoint, std::size_t index);

    x86::Decoder decoder_;
    x86::CpuState state_;
    std::array<std::byte, x86::kMaxInstructionLength> code_{};
    std::size_t code_size_ = 0;
    std::vector<std::vector<std::byte>>
        bytes_;  // in the order of the watchpoints, as far as they could be read
    std::vector<std::vector<std::byte>> now_;      // the same after the step, where it was looked at
    std::optional<x86::MemoryAccesses> accesses_;  // of the step
};

}  // namespace ringside::debug
