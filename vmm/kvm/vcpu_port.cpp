#include "vmm/kvm/vcpu_port.h"

#include <atomic>

#include "arch/x86_64/control_bits.h"

namespace ringside::kvm {

void VcpuPort::request_immediate_exit(bool on) {
    std::atomic_ref<__u8>(shared().immediate_exit).store(on ? 1 : 0, std::memory_order_seq_cst);
}

void VcpuPort::sync_at_exits(SyncedState state) {
    if (!synced_)
        return;
    shared().kvm_valid_regs = KVM_SYNC_X86_REGS;
    if (state >= SyncedState::System)
        shared().kvm_valid_regs |= KVM_SYNC_X86_SREGS;
    if (state >= SyncedState::Events)
        shared().kvm_valid_regs |= KVM_SYNC_X86_EVENTS;
}

void VcpuPort::set_general_at_entry(const x86::GeneralRegisters& general) {
    shared().s.regs.regs = to_kvm(general);
    shared().kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

x86::SystemRegisters VcpuPort::synced_system() const {
    x86::SystemRegisters system = from_kvm(shared().s.regs.sregs);
    system.inner = inner_guest(system);
    return system;
}

x86::InnerGuest VcpuPort::inner_guest(const x86::SystemRegisters& system) const {
    if ((system.cr4 & x86::cr4::kVmxe) == 0 && (system.efer & x86::efer::kSvme) == 0)
        return {};
    const auto state = nested_state();
    return state ? kvm::inner_guest(*state) : x86::InnerGuest{};
}

}  // namespace ringside::kvm
