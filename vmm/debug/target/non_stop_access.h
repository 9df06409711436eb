// gdbstub::NonStop: vCPUs stop one by one.
#pragma once

#include <span>
#include <vector>

#include "gdbstub/target.h"
#include "vmm/debug/target/debugged_machine.h"
#include "vmm/debug/target/time_travel.h"

namespace ringside::debug {

class NonStopAccess final : public gdbstub::NonStop {
  public:
    NonStopAccess(DebuggedMachine& machine, const TimeTravel& travel) : machine_(machine), travel_(travel) {}

    gdbstub::Result<void> set_non_stop(bool on) override;
    void stop(std::span<const gdbstub::ThreadId> threads, gdbstub::StopReason reason) override;
    std::vector<gdbstub::StopEvent> stops() const override;
    void hold() override { machine_.hold(); }
    void release() override { machine_.release(); }

  private:
    DebuggedMachine& machine_;
    const TimeTravel& travel_;
};

// For changes of the whole machine: an error in non-stop mode, in which a client knows each vCPU's own state.
Result<void> check_all_stop(const StopCoordinator& stops, const char* operation);

}  // namespace ringside::debug
