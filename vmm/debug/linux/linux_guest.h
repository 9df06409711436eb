// The Linux kernel of a guest, found anew for each command, and its tables, which are kept until another kernel is there.
#pragma once

#include <memory>

#include "vmm/debug/guest/inspected.h"
#include "vmm/debug/linux/kernel/linux_kernel.h"

namespace ringside::debug {

class LinuxGuest {
  public:
    explicit LinuxGuest(Inspected& guest) : guest_(guest) {}

    // The kernel that a vCPU's page tables map. Its memory is that of the guest at each read, which may run.
    Result<LinuxKernel> kernel(VcpuIndex vcpu);
    Inspected& guest() { return guest_; }

  private:
    Inspected& guest_;
    std::shared_ptr<const KernelTables> tables_;
    std::uint64_t note_ = 0;  // the physical address of the VMCOREINFO that they are from
};

}  // namespace ringside::debug
