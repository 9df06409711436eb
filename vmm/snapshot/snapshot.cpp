#include "vmm/snapshot/snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "arch/x86_64/msrs.h"

namespace ringside::snapshot {

namespace {

std::uint64_t deadline_of(const VcpuImage& image) {
    const auto at = std::ranges::find(kImageMsrs, x86::msr::kTscDeadline) - kImageMsrs.begin();
    return image.msrs[static_cast<std::size_t>(at)];
}

Result<MachineState::Vcpu> take_vcpu(kvm::VcpuPort& vcpu) {
    MachineState::Vcpu state;
    if (auto nested = vcpu.nested_state(); nested && !nested->rest.empty())
        state.nested = std::move(*nested);
    TRY(VcpuImager(vcpu).take(state.image));
    kvm::Msr tsc{x86::msr::kTsc, 0};
    TRY(vcpu.read_msrs({&tsc, 1}));
    state.tsc = tsc.value;
    return state;
}

// The same vCPU outside of VMX operation, or outside of its guest under SVM.
kvm::NestedState without_inner_guest(const kvm::NestedState& state) {
    kvm_nested_state header{};
    header.size = sizeof header;
    if (state.format == kvm::NestedState::Format::Svm) {
        header.format = KVM_STATE_NESTED_FORMAT_SVM;
        header.flags = KVM_STATE_NESTED_GIF_SET;
    } else {
        header.hdr.vmx.vmxon_pa = header.hdr.vmx.vmcs12_pa = ~std::uint64_t{0};
    }
    return kvm::nested_state(std::as_bytes(std::span(&header, 1)));
}

// A vCPU in VMX operation, or in its guest, does not take every register.
Result<void> leave_nested(kvm::VcpuPort& vcpu, const MachineState::Vcpu& wanted) {
    const auto now = vcpu.nested_state();
    const bool in_use = now && (now->guest_mode || now->vmxon_region);
    if (!in_use || (wanted.nested && *now == *wanted.nested))
        return {};
    return vcpu.set_nested_state(without_inner_guest(*now));
}

// Behind the system registers, which allow VMX or SVM. The registers that are the inner guest's then come from its VMCS or
// VMCB, but for those that KVM had not put there yet.
Result<void> enter_nested(kvm::VcpuPort& vcpu, const MachineState::Vcpu& wanted) {
    const auto now = vcpu.nested_state();
    if (!wanted.nested || (now && *now == *wanted.nested))
        return {};
    TRY(vcpu.set_nested_state(*wanted.nested));
    TRY(vcpu.set_general(kvm::from_kvm(wanted.image.general)));
    return vcpu.set_events(wanted.image.events);
}

// The deadline last: KVM accepts it only when the local APIC has its timer's mode, and it is relative to the TSC.
Result<void> put_vcpu(kvm::VcpuPort& vcpu, const MachineState::Vcpu& wanted) {
    TRY(leave_nested(vcpu, wanted));
    VcpuImager imager(vcpu);
    VcpuImage now;
    TRY(imager.take(now));
    const kvm::Msr tsc{x86::msr::kTsc, wanted.tsc};
    TRY(vcpu.write_msrs({&tsc, 1}));
    TRY(imager.put(now, wanted.image));
    TRY(enter_nested(vcpu, wanted));
    const kvm::Msr deadline{x86::msr::kTscDeadline, deadline_of(wanted.image)};
    return deadline.value != 0 ? vcpu.write_msrs({&deadline, 1}) : Result<void>{};
}

}  // namespace

Result<void> check(machine::Machine& machine) {
    const auto unsavable = machine.device_states().unsavable();
    if (unsavable.empty())
        return {};
    return failure("snapshot", fmt::format("the state of {} cannot be saved", unsavable.front().name),
                   unsavable.front().advice);
}

Result<MachineState> take_state(machine::Machine& machine) {
    TRY(check(machine));
    MachineState state;
    for (std::uint32_t i = 0; i < machine.vcpu_count(); ++i) {
        auto vcpu = TRY(machine.vcpu(VcpuIndex{i}).call(take_vcpu));
        state.vcpus.push_back(std::move(vcpu));
    }
    TRY(take_vm(machine, state.vm));
    if (machine.has_vm()) {
        auto clock = TRY(machine.vm().clock());
        state.clock = clock;
    }
    state.devices.resize(machine.device_states().size());
    machine.device_states().save(state.devices);
    for (const auto& disk : machine.device_states().disks())
        state.disks.push_back(disk->save());
    return state;
}

Result<void> put_state(machine::Machine& machine, const MachineState& wanted) {
    const auto disks = machine.device_states().disks();
    for (std::size_t i = 0; i < disks.size(); ++i)
        disks[i]->restore(wanted.disks[i]);
    // Also a device whose state is the same: it may be at work for a driver that is gone now.
    machine.device_states().restore(wanted.devices);
    VmImage now;
    TRY(take_vm(machine, now));
    TRY(put_vm(machine, now, wanted.vm));
    if (machine.has_vm())
        TRY(machine.vm().set_clock(wanted.clock));
    for (std::uint32_t i = 0; i < machine.vcpu_count(); ++i) {
        TRY(machine.vcpu(VcpuIndex{i}).call([&](kvm::VcpuPort& vcpu) {
            return put_vcpu(vcpu, wanted.vcpus[i]);
        }));
    }
    return {};
}

}  // namespace ringside::snapshot
