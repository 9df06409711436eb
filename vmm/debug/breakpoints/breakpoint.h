// One breakpoint or watchpoint, and its mechanism.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/trap_instructions.h"
#include "gdbstub/target.h"
#include "vmm/base/ids.h"

namespace ringside::debug {

enum class Mechanism : std::uint8_t { Planted, Slot, ProtectedPage, Stepping };

// Where a vCPU executes. `gpa` is known only if a breakpoint on a physical address exists.
struct CodePlace {
    Gva pc;
    std::optional<Gpa> gpa;
};

// A hit of a breakpoint that no client has set.
struct JudgedHit {
    VcpuIndex vcpu;
    const x86::GeneralRegisters& general;
    const x86::SystemRegisters& system;
    std::span<const std::byte> before = {}, after = {};  // of a watchpoint: its bytes around the write
};

// Decides about such hits. On vCPUs' threads, several at once.
class HitJudge {
  public:
    virtual ~HitJudge() = default;
    // Returns the line for the user if the vCPU is to stop here; nullopt if it runs on. Counts its stops.
    virtual std::optional<std::string> judge(const JudgedHit& hit) = 0;
};

struct Breakpoint {
    gdbstub::BreakpointRequest request;
    Mechanism mechanism = Mechanism::Stepping;
    const char* ran_by = nullptr;                 // the mechanism's name when the guest last ran, if it did
    std::optional<x86::TrapInstruction> trap;     // what is, or would be, planted
    Gpa gpa;                                      // and where
    bool user = false;                            // user code may run there
    bool without_paging = false;                  // its address is physical, whatever is mapped there
    bool disturbs = false;                        // planted, it would interfere with the guest
    bool no_code = false;                         // nothing has been written there yet
    std::optional<std::uint64_t> address_space;   // the CR3 to which it is limited
    x86::GuestLevel level = x86::GuestLevel::L1;  // the level of its address, if the guest is a hypervisor
    bool level_open = false;    // the address is not mapped yet: it belongs to the level in which it appears
    bool wanted = true;         // by the client; otherwise only for tracepoints
    bool traced = false;        // there are tracepoints at its address
    bool waiting = false;       // for an executable page, or for code, where it could be planted
    HitJudge* judge = nullptr;  // it is not the client's but belongs to this judge
    bool by_monitor = false;    // it has a judge, and was set by `monitor break` or `monitor watch`
    bool physical = false;      // its address is guest-physical, whatever is mapped there
    std::atomic<std::uint64_t> hits{0};  // stops and ignored hits; several vCPUs may count at once

    bool prefers_slot() const { return disturbs || no_code; }
    bool is_watchpoint() const { return request.kind >= gdbstub::BreakpointKind::WriteWatch; }
    bool is_handlers() const { return judge != nullptr && !by_monitor; }
    bool is_on(const CodePlace& place) const {
        return !is_watchpoint() && (physical ? place.gpa == gpa : request.address == place.pc.value);
    }
};

// "int3", "hlt", "udb", "debug slot", "protected page", "stepping"
const char* mechanism_name(const Breakpoint&);

}  // namespace ringside::debug
