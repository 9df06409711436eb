#include "vmm/debug/run_control/parking.h"

namespace ringside::debug {

Parking::Parking(machine::Machine& machine)
    : machine_(machine), suspended_(machine.vcpu_count(), true), parked_(machine.vcpu_count(), false) {}

void Parking::suspend(VcpuIndex vcpu) {
    if (suspended_[vcpu.value])
        return;
    suspended_[vcpu.value] = true;
    machine_.vcpu(vcpu).suspend();
}

bool Parking::take_suspension(VcpuIndex vcpu) {
    const bool was_suspended = suspended_[vcpu.value];
    suspended_[vcpu.value] = false;
    return was_suspended;
}

// Both are needed. parked_ alone is stale while a resumed vCPU has not woken up yet; the thread's parked() alone comes
// before the vCPU's registers are cached.
bool Parking::parked(VcpuIndex vcpu) const {
    return parked_[vcpu.value] && machine_.vcpu(vcpu).parked();
}

bool Parking::all_parked_but(std::optional<VcpuIndex> except) const {
    for (std::uint32_t i = 0; i < count(); ++i) {
        if (except != VcpuIndex{i} && !parked(VcpuIndex{i}))
            return false;
    }
    return true;
}

void Parking::begin_alone(VcpuIndex vcpu) {
    alone_ = vcpu;
    for (std::uint32_t i = 0; i < count(); ++i) {
        if (i != vcpu.value)
            machine_.vcpu(VcpuIndex{i}).suspend();
    }
}

void Parking::end_alone() {
    for (std::uint32_t i = 0; i < count(); ++i) {
        if (alone_ != VcpuIndex{i})
            machine_.vcpu(VcpuIndex{i}).resume();
    }
    alone_.reset();
}

}  // namespace ringside::debug
