// The guest's handlers of interrupts and exceptions that are to stop it when they begin: their addresses in each vCPU's
// table, and the breakpoints on them.
//
// A guest loads and rewrites its table without an exit. The table is examined whenever a vCPU is armed, and at each
// exit to user space; a vCPU that has no table yet is stepped until it has one.
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

// Called when a watched handler begins.
class HandlerJudge : public HitJudge {
  public:
    // A vCPU has another handler now. Returns a line for the user, or an empty string.
    virtual std::string moved(VcpuIndex vcpu, const HandlerLookup& from, const HandlerLookup& to) = 0;
};

struct WatchedHandler {
    std::uint8_t vector = 0;
    HandlerJudge* judge = nullptr;
};

class HandlerWatch {
  public:
    // What to watch from now on; nothing is known of any vCPU yet.
    void set(std::vector<WatchedHandler> watched, std::size_t vcpus);
    bool empty() const { return watched_.empty(); }
    // The machine has restarted.
    void forget();

    // Examines a vCPU's table. Returns true if the breakpoints must change; `said` is a message for the user.
    bool look(VcpuIndex vcpu, const GuestView& view, const x86::SystemRegisters& system, std::string& said);
    // The same; if something has changed, parks the other vCPUs and updates the breakpoints. If they
    // cannot be parked at this moment, nothing happens, and the next call does it.
    bool update(DebugContext& context, VcpuIndex vcpu, const ExitRegisters& at);
    // Returns true if the vCPU lacks a table for a watched handler, or a vector in real mode: it is stepped meanwhile.
    // An empty gate does not count: kernels leave many gates empty for good.
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
