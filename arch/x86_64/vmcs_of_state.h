// A processor's registers as the fields of the guest-state area in which a hypervisor keeps them.
#pragma once

#include <span>

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/exit_reasons.h"
#include "arch/x86_64/vmcs_check.h"

namespace ringside::x86 {

VmcsValues guest_state_area(const GeneralRegisters& general, const SystemRegisters& system,
                            const DebugRegisters& debug);

// The MSRs that the guest-state area holds, and the field of each.
struct VmcsMsr {
    std::uint32_t index;
    VmcsField field;
};
std::span<const VmcsMsr> guest_state_msrs();

// Sets the fields in which the processor reports an exit.
void set_exit_information(VmcsValues& vmcs, const HardwareExit& exit);

// The rules for guest state that the fields of an ordinary vCPU break (SDM volume 3, 27.3). Its hypervisor is KVM, on a
// processor that runs a guest without protection and paging: KVM marks a segment that is not present as unusable and all
// others as accessed, and adds the bits that CR0 and CR4 must have.
std::vector<VmcsViolation> check_guest_state(VmcsValues fields);

}  // namespace ringside::x86
