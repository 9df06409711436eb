// A scripted vCPU whose guest is a hypervisor on VMX.
#pragma once

#include <cstring>

#include "arch/x86_64/vmcs12.h"
#include "tests/support/scripted_vcpu.h"

namespace ringside::debug {

// In VMX root operation, with an empty current VMCS at 0x6000.
inline void run_hypervisor(ringside::testing::ScriptedVcpu& vcpu) {
    vcpu.nested.vmxon_region = Gpa{0x5000};
    vcpu.nested.current_control = Gpa{0x6000};
    vcpu.nested.image.resize(x86::kVmcs12Size);
    std::memcpy(vcpu.nested.image.data(), &x86::kVmcs12Revision, sizeof x86::kVmcs12Revision);
}

// Makes the launch state of that VMCS "launched" or "clear".
inline void set_launched(ringside::testing::ScriptedVcpu& vcpu, bool launched) {
    constexpr std::size_t kLaunchState = 8;
    vcpu.nested.image.at(kLaunchState) = std::byte{launched};
}

}  // namespace ringside::debug
