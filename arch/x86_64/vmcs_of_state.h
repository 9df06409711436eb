// A processor's registers as the fields of the guest-state area in which a hypervisor keeps them.
#pragma once

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/vmcs_fields.h"

namespace ringside::x86 {

VmcsValues guest_state_area(const GeneralRegisters& general, const SystemRegisters& system,
                            const DebugRegisters& debug);

}  // namespace ringside::x86
