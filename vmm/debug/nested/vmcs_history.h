// The VMCSs that were current when the user last resumed a guest that is a hypervisor: what has changed in one since.
//
// Threading: the server's thread.
#pragma once

#include <cstdint>
#include <map>

#include "arch/x86_64/vmcs12.h"
#include "vmm/base/ids.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

class VmcsHistory {
  public:
    struct Vmcs {
        Gpa address;
        x86::VmcsValues fields;
    };

    // Before the stopped guest runs on from a stop that the user saw: replaces what was remembered.
    void remember(Debugger& debugger);
    // nullptr: none was current on this vCPU.
    const Vmcs* at_last_stop(VcpuIndex vcpu) const;
    // The machine has restarted.
    void forget() { by_vcpu_.clear(); }

  private:
    std::map<std::uint32_t, Vmcs> by_vcpu_;
};

}  // namespace ringside::debug
