// The registers of an image as a debugger shows them.
#pragma once

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/xsave.h"
#include "vmm/snapshot/vcpu_image.h"

namespace ringside::snapshot {

// General and system registers.
x86::CpuState main_registers(const VcpuImage& image);
// With vectors, debug registers and XCR0; without MSRs.
x86::CpuState image_registers(const VcpuImage& image, const x86::XsaveLayout& layout);

}  // namespace ringside::snapshot
