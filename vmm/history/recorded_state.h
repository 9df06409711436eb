// The registers of an image as a debugger shows them.
#pragma once

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/xsave.h"
#include "vmm/snapshot/machine_image.h"

namespace ringside::history {

// General and system registers.
x86::CpuState recorded_registers(const snapshot::MachineImage& image);
// With vectors, debug registers and XCR0; without MSRs.
x86::CpuState recorded_state(const snapshot::MachineImage& image, const x86::XsaveLayout& layout);

}  // namespace ringside::history
