// A stop at Linux's next task switch: a breakpoint on __switch_to() that is removed at its first hit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "vmm/debug/linux/linux_guest.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

class TaskSwitchStop {
  public:
    TaskSwitchStop(Debugger& debugger, LinuxGuest& linux_guest) : debugger_(debugger), linux_(linux_guest) {}

    // The guest will stop at the next switch on any CPU, or at the next one to a task. While it is stopped.
    Result<std::string> arm(VcpuIndex vcpu, std::optional<std::uint64_t> pid);
    Result<std::string> disarm();
    // The guest was replaced, or the client that armed it has left. Returns true if it was armed. While the guest is
    // stopped.
    bool forget();
    // The guest has stopped. If it was at the switch, the stop becomes a plain one with words for the user: gdb
    // ignores a breakpoint that it does not know.
    void describe(gdbstub::StopEvent& stop);

  private:
    std::string words(VcpuIndex vcpu, const x86::GeneralRegisters& general);

    Debugger& debugger_;
    LinuxGuest& linux_;
    std::optional<std::uint64_t> address_;  // of the breakpoint
    std::optional<std::uint64_t> task_;     // the task_struct that is waited for; nullopt: any
};

}  // namespace ringside::debug
