#include "vmm/debug/guest/interrupt_state.h"

#include "vmm/kvm/chips.h"

namespace ringside::debug {

namespace {

Result<InterruptState> read(kvm::VcpuPort& vcpu) {
    auto general = TRY(vcpu.general());
    auto system = TRY(vcpu.system());
    auto lapic = TRY(vcpu.lapic());
    auto events = TRY(vcpu.events());
    auto mp_state = TRY(vcpu.mp_state());
    InterruptState state{vcpu.index(), general, system, kvm::from_kvm(lapic, system.apic_base),
                         kvm::from_kvm(events)};
    state.events.activity = kvm::activity_from_kvm(mp_state);
    return state;
}

Result<const kvm::Vm*> vm(const machine::Machine& machine) {
    if (!machine.has_vm())
        return failure("read the interrupt controllers", "this machine has none of KVM's");
    return &machine.vm();
}

}  // namespace

Result<InterruptState> interrupt_state(machine::VcpuThread& vcpu) {
    return vcpu.call([](kvm::VcpuPort& port) { return read(port); });
}

Result<x86::IoApic> io_apic(const machine::Machine& machine) {
    return vm(machine).and_then([](const kvm::Vm* kvm) { return kvm->io_apic(); });
}

Result<x86::PicPair> pics(const machine::Machine& machine) {
    return vm(machine).and_then([](const kvm::Vm* kvm) { return kvm->pics(); });
}

Result<x86::Pit> pit(const machine::Machine& machine) {
    return vm(machine).and_then([](const kvm::Vm* kvm) { return kvm->pit(); });
}

}  // namespace ringside::debug
