#include "vmm/kvm/vcpu_port.h"

#include <atomic>

namespace ringside::kvm {

void VcpuPort::request_immediate_exit(bool on) {
    std::atomic_ref<__u8>(shared().immediate_exit).store(on ? 1 : 0, std::memory_order_seq_cst);
}

void VcpuPort::sync_system_registers(bool on) {
    if (synced_)
        shared().kvm_valid_regs = on ? KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS : KVM_SYNC_X86_REGS;
}

x86::SystemRegisters VcpuPort::synced_system() const {
    return from_kvm(shared().s.regs.sregs);
}

}  // namespace ringside::kvm
