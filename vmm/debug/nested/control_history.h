// The VMCSs and VMCBs of a guest that is a hypervisor as they were when the user last resumed it: what has changed in one
// since.
//
// Threading: the server's thread.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "arch/x86_64/vmcs12.h"
#include "vmm/base/ids.h"
#include "vmm/debug/nested/seen_controls.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

class ControlHistory {
  public:
    struct Vmcs {
        Gpa address;
        x86::VmcsValues fields;
    };
    using Image = std::vector<std::byte>;

    // Before the stopped guest runs on from a stop that the user saw: replaces what was remembered by the VMCS that is
    // current on each vCPU, and by those VMCBs that were in use at some stop.
    void remember(Debugger& debugger, const SeenControls& seen);
    // nullptr: none was current on this vCPU.
    const Vmcs* vmcs_at_last_stop(VcpuIndex vcpu) const;
    // nullptr: it had not been in use at any stop.
    const Image* vmcb_at_last_stop(Gpa address) const;
    // The machine has restarted.
    void forget();

  private:
    std::map<std::uint32_t, Vmcs> vmcs_by_vcpu_;
    std::map<std::uint64_t, Image> vmcb_by_address_;
};

}  // namespace ringside::debug
