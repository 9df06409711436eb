#include "vmm/kvm/vcpu_port.h"

#include <atomic>

#include "arch/x86_64/control_bits.h"

namespace ringside::kvm {

void VcpuPort::request_immediate_exit(bool on) {
    std::atomic_ref<__u8>(shared().immediate_exit).store(on ? 1 : 0, std::memory_order_seq_cst);
}

void VcpuPort::sync_system_registers(bool on) {
    if (synced_)
        shared().kvm_valid_regs = on ? KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS : KVM_SYNC_X86_REGS;
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
