// What KVM_SET_GUEST_DEBUG was last given, and the exceptions that are injected through it.
#pragma once

#include "vmm/debug/breakpoints/slot_setup.h"
#include "vmm/kvm/vcpu_port.h"

namespace ringside::debug {

class ArmedSetup {
  public:
    explicit ArmedSetup(kvm::VcpuPort& vcpu) : vcpu_(vcpu) {}

    const SlotSetup& setup() const { return setup_; }
    bool anything() const { return !setup_.control.empty(); }
    bool single_steps() const { return setup_.single_steps(); }

    // `force` calls KVM even if nothing has changed: KVM keeps TF only at the RIP where it was set, so it is lost at an
    // instruction that KVM emulates, and when registers have been written since.
    Result<void> program(const SlotSetup& setup, bool force);
    Result<void> end_single_step();

    // The exception is delivered at the next entry.
    Result<void> inject_debug_exception();
    Result<void> inject_breakpoint();

  private:
    Result<void> set(const SlotSetup& setup, kvm::DebugControl control);

    kvm::VcpuPort& vcpu_;
    SlotSetup setup_;
};

}  // namespace ringside::debug
