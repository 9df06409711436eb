// A StopToken without a machine: nothing runs, so everything is always stopped.
#pragma once

#include <memory>

#include "vmm/machine/machine.h"

namespace ringside::machine {

class StoppedMachineOfTests {
  public:
    StopToken token() const { return StopToken(gate_->close()); }

  private:
    std::shared_ptr<DeviceGate> gate_ = std::make_shared<DeviceGate>();
};

}  // namespace ringside::machine
