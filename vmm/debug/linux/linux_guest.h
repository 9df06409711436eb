// The Linux kernel of a guest, found again for each command, and its tables, kept until there is another kernel.
#pragma once

#include <memory>

#include "vmm/debug/guest/inspected.h"
#include "vmm/debug/linux/kernel/linux_kernel.h"

namespace ringside::debug {

class LinuxGuest {
  public:
    explicit LinuxGuest(Inspected& guest) : guest_(guest) {}

    // The kernel that a vCPU's page tables map. Its memory is read from the guest at each access; the guest may run.
    Result<LinuxKernel> kernel(VcpuIndex vcpu);
    Inspected& guest() { return guest_; }

  private:
    Inspected& guest_;
    std::shared_ptr<const KernelTables> tables_;
    std::uint64_t note_ = 0;  // the physical address of the VMCOREINFO that they are from
};

}  // namespace ringside::debug
