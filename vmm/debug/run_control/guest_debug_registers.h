// The guest's own DR0-DR3 and DR7 on hosts where the debugger's replace them: read when needed, armed together with the
// debugger's, and their hits distinguished from the debugger's.
#pragma once

#include <optional>

#include "arch/x86_64/cpu_state.h"
#include "vmm/debug/breakpoints/slot_setup.h"
#include "vmm/debug/host/host_abilities.h"
#include "vmm/kvm/vcpu_port.h"

namespace ringside::debug {

class GuestDebugRegisters {
  public:
    GuestDebugRegisters(kvm::VcpuPort& vcpu, const HostAbilities& abilities)
        : vcpu_(vcpu), abilities_(abilities) {}

    // The guest may have run unobserved: the cached values are no longer valid.
    void forget() {
        known_.reset();
        short_of_slots_ = false;
    }
    // The guest is writing to a debug register.
    void forget_values() { known_.reset(); }
    Result<x86::DebugRegisters> read() const { return vcpu_.debug(); }

    // Decides if there are enough slots for the guest and the plan. If not, the vCPU is stepped: slower, but
    // neither side misses anything. Returns true if the slots have run out since the last call.
    Result<bool> look(const DebugPlan& plan);
    // What to arm: without the table's slots if the guest needs them for itself.
    const DebugPlan& plan(const BreakpointTable& table) const {
        return short_of_slots_ ? table.plan_without_slots() : table.plan();
    }

    // The last change to a setup that uses the hardware's debug registers: adds the guest's own slots.
    // `exit_on_access`: with GD the guest's next MOV to or from a debug register causes an exit, so that they can be
    // read again. Not while a vCPU steps off: the instruction may be that MOV, and GD would never let it pass.
    Result<void> share(SlotSetup& setup, bool exit_on_access);
    // The known values are valid as long as the guest cannot write its debug registers unobserved.
    void note_armed(const SlotSetup& armed) {
        if (!armed.dr7.general_detect())
            known_.reset();
    }

    // The guest's own slots (a mask, by its own numbers) that a debug exit reports. While no slot of the debugger's is
    // armed, the hardware holds the guest's DR7, which is `dr7`. Execution slots do not count if they will hit again
    // anyway: together with a hit of the debugger's at the same place, or with a step's trap under RF (QEMU's SVM).
    unsigned hits(const SlotSetup& armed, x86::Dr6 dr6, x86::Dr7 dr7, std::uint64_t rflags) const;

    // Returns true if the guest has an execution breakpoint of its own at an address. It takes priority over an int3
    // there: a vCPU that executes the int3 has already had the guest's #DB.
    Result<bool> breaks_at(Gva address) const;

  private:
    kvm::VcpuPort& vcpu_;
    const HostAbilities& abilities_;
    std::optional<x86::DebugRegisters> known_;
    bool short_of_slots_ = false;
};

}  // namespace ringside::debug
