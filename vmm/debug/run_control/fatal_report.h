// Describes an exit after which a vCPU cannot continue.
#pragma once

#include <string>

#include "arch/x86_64/cpu_state.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/machine/vcpu_thread.h"

namespace ringside::debug {

// A few lines, each ending in a newline: what happened, where, the code there, what the host says, and what to do
// next.
std::string fatal_report(machine::VcpuThread& thread, machine::FatalExit cause, const GuestView& view,
                         const x86::GeneralRegisters& general, const x86::SystemRegisters& system);

}  // namespace ringside::debug
