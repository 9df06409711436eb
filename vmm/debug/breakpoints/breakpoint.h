// One breakpoint or watchpoint, and how it is watched for.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/trap_instructions.h"
#include "gdbstub/target.h"
#include "vmm/base/ids.h"

namespace ringside::debug {

enum class Mechanism : std::uint8_t { Planted, Slot, Stepping };

// Decides about the hits of a breakpoint that no client has set. On vCPUs' threads, several at once.
class HitJudge {
  public:
    virtual ~HitJudge() = default;
    // The line that the user reads if the vCPU is to stop here; nullopt if it runs on. Counts what it stops at.
    virtual std::optional<std::string> judge(VcpuIndex vcpu, const x86::GeneralRegisters&,
                                             const x86::SystemRegisters&) = 0;
};

struct Breakpoint {
    gdbstub::BreakpointRequest request;
    Mechanism mechanism = Mechanism::Stepping;
    std::optional<x86::TrapInstruction> trap;     // what is, or would be, planted
    Gpa gpa;                                      // and where
    bool user = false;                            // user code may run there
    bool without_paging = false;                  // its address is the place, whatever is there
    bool disturbs = false;                        // planted it would be in somebody's way
    bool no_code = false;                         // nothing has been written there yet
    std::optional<std::uint64_t> address_space;   // the CR3 to which it is limited
    x86::GuestLevel level = x86::GuestLevel::L1;  // whose address it is, if the guest is a hypervisor
    bool level_open = false;  // the address leads nowhere as yet: it is that of the level in which it appears
    bool wanted = true;       // by the client; else it is there for tracepoints alone
    bool traced = false;      // there are tracepoints at its address
    bool waiting = false;     // for an executable page, or for code, where it could be planted
    HitJudge* judge = nullptr;           // it is not the client's: whose it is
    std::atomic<std::uint64_t> hits{0};  // stops and ignored hits alike; several vCPUs may count at once

    bool prefers_slot() const { return disturbs || no_code; }
    bool is_watchpoint() const { return request.kind >= gdbstub::BreakpointKind::WriteWatch; }
};

// "int3", "hlt", "udb", "debug slot", "stepping"
const char* mechanism_name(const Breakpoint&);

}  // namespace ringside::debug
