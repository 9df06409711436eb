// A guest that can be examined: a stopped or running one, or the dump of one. Code that only reads takes this, and
// works with each of them.
#pragma once

#include <cstddef>

#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/guest/registers_now.h"

namespace ringside::debug {

class Inspected {
  public:
    virtual ~Inspected() = default;
    virtual std::size_t vcpu_count() const = 0;
    virtual const GuestView& view() const = 0;
    // A running vCPU is interrupted while they are read.
    virtual Result<RegistersNow> registers_now(VcpuIndex vcpu) = 0;
    // All registers. An error while the guest runs.
    virtual Result<const x86::CpuState*> all_registers(VcpuIndex vcpu) = 0;
};

}  // namespace ringside::debug
