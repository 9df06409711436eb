// The guest's handlers of interrupts and exceptions that somebody wants to see entered: where each vCPU's table has them,
// and the breakpoints on them.
//
// A guest loads and rewrites its table without an exit. It is looked at whenever a vCPU is armed, and at each exit to
// user space; a vCPU that has no table yet is stepped until it has.
//
// Threading: set() and look_everywhere() are for the server's thread while every vCPU is parked; the rest is for each vCPU's own
// thread, and concerns that vCPU alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/guest/handlers.h"

namespace ringside::debug {

struct DebugContext;
class ExitRegisters;

// Whoever wants to see a handler entered.
class HandlerJudge : public HitJudge {
  public:
    // The handler of a vCPU is another one now. Returns the line that the user reads, or nothing.
    virtual std::string moved(VcpuIndex vcpu, const HandlerLookup& from, const HandlerLookup& to) = 0;
};

struct WatchedHandler {
    std::uint8_t vector = 0;
    HandlerJudge* judge = nullptr;
};

class HandlerWatch {
  public:
    // What is watched from now on; nothing is known of any vCPU yet.
    void set(std::vector<WatchedHandler> watched, std::size_t vcpus);
    bool empty() const { return watched_.empty(); }
    // The machine has started anew.
    void forget();

    // Looks at a vCPU's table. Returns true if the breakpoints must change; `said` is what the user should read.
    bool look(VcpuIndex vcpu, const GuestView& view, const x86::SystemRegisters& system, std::string& said);
    // The same, with the other vCPUs parked if something has changed, and puts the breakpoints in place. If the others
    // cannot be parked at this moment nothing happens: the next look makes up for it.
    bool update(DebugContext& context, VcpuIndex vcpu, const ExitRegisters& at);
    // The vCPU has no table for something that is watched, or no vector in real mode: until it has, each of its steps is
    // looked at. A gate that is empty costs no stepping: kernels leave many of them so for good.
    bool wants_steps(VcpuIndex vcpu) const;

    // All handlers of all vCPUs, once each. While every vCPU, or every other one, is parked.
    std::vector<JudgedPlace> places() const;
    // Of the given watched handler.
    HandlerLookup found(VcpuIndex vcpu, const HandlerJudge* judge) const;

  private:
    struct Seen {
        bool known = false;
        HandlerLookup handler = NoHandler::NoTable;
    };
    std::vector<HandlerLookup> look_up(const GuestView& view, const x86::SystemRegisters& system) const;
    bool differs(VcpuIndex vcpu, const std::vector<HandlerLookup>& now) const;

    std::vector<WatchedHandler> watched_;
    std::vector<std::vector<Seen>> seen_;  // by vCPU, then as watched_
};

}  // namespace ringside::debug
