// What a user should know about the breakpoints that are in, in a few short lines, once each. The client's console shows
// it while the guest runs; the log has it too. On the server's thread.
#pragma once

#include <string>

#include "arch/x86_64/cpu_state.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/target/debugger_owner.h"

namespace ringside::debug {

class Notices {
  public:
    explicit Notices(DebuggerOwner& owner) : owner_(owner) {}

    // The guest is about to run with these breakpoints.
    // `not_protected`: why pages of watchpoints are not write-protected, if it was considered.
    void of_plan(const DebugPlan&, const HostAbilities&, const std::string& not_protected = {});
    // The protection has ended while the guest ran.
    void of_guard_end(const std::string& why);
    // PageGuard::prepare() has said this.
    void of_moved_pages(const std::string& lines);
    void of_guest_slots();
    void of_completion();
    // What is to be shown with a stop: a breakpoint may have been passed. Each time that it happens: when the client
    // takes the breakpoint out, as gdb does at each stop, it is too late to say so.
    std::string of_overwritten(const BreakpointTable&);
    // What is to be shown with a stop of a vCPU with these registers, to a client that has 32-bit ones.
    std::string of_narrow_registers(const x86::GeneralRegisters&, const x86::SystemRegisters&);
    // The next client is told anew what depends on the client.
    void forget_client() { told_of_narrow_registers_ = false; }

  private:
    void tell(const std::string& lines);
    void of_watchpoints(const DebugPlan&, const std::string& why, const std::string& not_protected,
                        const std::string& handlers);

    DebuggerOwner& owner_;
    bool told_of_stepped_breakpoints_ = false;
    bool told_of_stepped_watchpoints_ = false;
    bool told_of_protected_pages_ = false;
    bool told_of_patch_sites_ = false;
    bool told_of_guest_slots_ = false;
    bool told_of_completion_ = false;
    bool told_of_narrow_registers_ = false;
};

}  // namespace ringside::debug
