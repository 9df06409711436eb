// What a user should know about the breakpoints that are in, in a few short lines, once each. The client's console shows
// it while the guest runs; the log has it too. On the server's thread.
#pragma once

#include <string>

#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/target/debugger_owner.h"

namespace ringside::debug {

class Notices {
  public:
    explicit Notices(DebuggerOwner& owner) : owner_(owner) {}

    // The guest is about to run with these breakpoints.
    void of_plan(const DebugPlan&, const HostAbilities&);
    void of_guest_slots();
    void of_completion();
    // What is to be shown with a stop: a breakpoint may have been passed. Each time that it happens: when the client
    // takes the breakpoint out, as gdb does at each stop, it is too late to say so.
    std::string of_overwritten(const BreakpointTable&);

  private:
    void tell(const std::string& lines);

    DebuggerOwner& owner_;
    bool told_of_stepped_breakpoints_ = false;
    bool told_of_stepped_watchpoints_ = false;
    bool told_of_patch_sites_ = false;
    bool told_of_guest_slots_ = false;
    bool told_of_completion_ = false;
};

}  // namespace ringside::debug
