// Changes of vCPUs' control registers and modes, and halts, on a host where no exit reports them. The
// vCPUs are stepped while a rule asks for them.
//
// Threading: set() is for the server's thread while every vCPU is parked; the rest is for each vCPU's own thread, and
// concerns that vCPU alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "vmm/base/ids.h"

namespace ringside::debug {

class ExitRegisters;

// One step of a vCPU.
struct WatchedStep {
    std::uint64_t from = 0;  // RIP of the instruction
    const x86::SystemRegisters& before;
    const x86::SystemRegisters& after;
    bool halts_next = false;  // the next instruction is a HLT
    std::uint64_t rip = 0;    // the next instruction
};

// Called for each such change. On vCPUs' threads, several at once.
class StateJudge {
  public:
    virtual ~StateJudge() = default;
    // Returns the line for the user if the vCPU is to stop; nullopt if it runs on.
    virtual std::optional<std::string> judge(VcpuIndex vcpu, const WatchedStep& step) = 0;
};

class StateWatch {
  public:
    void set(std::vector<StateJudge*> judges, std::size_t vcpus);
    bool empty() const { return judges_.empty(); }
    // The vCPU is about to run on from a stop.
    void begin(VcpuIndex vcpu, const ExitRegisters& at);
    // A step has led to `at`. Returns the line for the user; empty if the vCPU runs on.
    std::string look(VcpuIndex vcpu, const ExitRegisters& at, bool halts_next);

  private:
    struct Seen {
        std::uint64_t rip = 0;
        x86::SystemRegisters system;
    };
    std::vector<StateJudge*> judges_;
    std::vector<Seen> seen_;  // by vCPU
};

}  // namespace ringside::debug
