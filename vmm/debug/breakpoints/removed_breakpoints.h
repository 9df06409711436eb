// The breakpoints that the client has removed. gdb removes all of its breakpoints at each stop and inserts them when
// it resumes. A user who lists breakpoints at a stop wants to see these; and one inserted again keeps its hit count.
//
// On the server's thread, while every vCPU is parked.
#pragma once

#include <string>
#include <vector>

#include "vmm/debug/breakpoints/breakpoint.h"

namespace ringside::debug {

// A line of `monitor breakpoints`.
struct BreakpointLine {
    gdbstub::BreakpointKind kind{};
    std::uint64_t address = 0, size = 0;
    std::string mechanism, remark;
    std::uint64_t hits = 0;
    bool physical = false;  // the address is

    bool is_watchpoint() const { return kind >= gdbstub::BreakpointKind::WriteWatch; }
};
BreakpointLine describe(const Breakpoint&);

class RemovedBreakpoints {
  public:
    void add(const Breakpoint& breakpoint) {
        take(breakpoint.request);
        lines_.push_back(describe(breakpoint));
        // Others that were removed before may have freed a slot for it.
        if (breakpoint.ran_by != nullptr)
            lines_.back().mechanism = breakpoint.ran_by;
    }
    // It is inserted again: returns how often it was hit before.
    std::uint64_t take(const gdbstub::BreakpointRequest& request);
    void clear() { lines_.clear(); }
    const std::vector<BreakpointLine>& lines() const { return lines_; }

  private:
    std::vector<BreakpointLine> lines_;
};

}  // namespace ringside::debug
