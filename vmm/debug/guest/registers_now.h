// A vCPU's general and system registers, from a guest that is stopped or runs.
#pragma once

#include "arch/x86_64/cpu_state.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

struct RegistersNow {
    x86::GeneralRegisters general;
    x86::SystemRegisters system;
};

// A running vCPU is interrupted while they are read.
Result<RegistersNow> registers_now(machine::VcpuThread& vcpu);

}  // namespace ringside::debug
