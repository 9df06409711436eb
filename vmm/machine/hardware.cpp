#include "vmm/machine/hardware.h"

#include <string>
#include <utility>

#include "vmm/machine/layout.h"
#include "vmm/machine/memory_slots.h"
#include "vmm/machine/vcpu_setup.h"

namespace ringside::machine {

namespace {

// Free until a memory slot's dirty pages are logged. Only before the first vCPU. Returns false if KVM has none.
Result<bool> enable_dirty_rings(const kvm::Vm& vm) {
    if (static_cast<std::uint64_t>(vm.check(KVM_CAP_DIRTY_LOG_RING)) < kvm::DirtyRing::kBytes)
        return false;
    TRY(vm.enable(KVM_CAP_DIRTY_LOG_RING, kvm::DirtyRing::kBytes));
    return true;
}

Result<void> set_up_vm(const kvm::Vm& vm, const GuestMemory& memory) {
    TRY(vm.set_tss_address(layout::kKvmTss));
    TRY(vm.set_identity_map_address(layout::kKvmIdentityMap));
    TRY(vm.create_irqchip());
    TRY(vm.create_pit());
    // An access to an MSR that KVM does not know exits before the guest gets its #GP.
    TRY(vm.exit_at_msrs());
    return MemorySlots(vm, memory).create();
}

Result<void> add_vcpus(Hardware& hardware, const kvm::System& system, std::uint32_t vcpus, bool dirty_rings) {
    const kvm::Vm& vm = hardware.vm;
    const auto limit = static_cast<std::uint32_t>(vm.check(KVM_CAP_MAX_VCPUS));
    if (vcpus == 0 || vcpus > limit)
        return failure("create " + std::to_string(vcpus) + " vCPUs",
                       "this host's KVM takes 1 to " + std::to_string(limit), "Choose another --cpus");
    const auto cpuid = TRY(system.supported_cpuid());
    hardware.features = features(cpuid);
    const bool tsc_deadline = vm.check(KVM_CAP_TSC_DEADLINE_TIMER) != 0;
    for (std::uint32_t i = 0; i < vcpus; ++i) {
        auto vcpu = TRY(vm.create_vcpu(VcpuIndex{i}));
        TRY(vcpu.set_cpuid(vcpu_cpuid(cpuid, VcpuIndex{i}, vcpus, tsc_deadline)));
        TRY(set_up_common(vcpu));
        if (dirty_rings)
            hardware.rings.push_back(TRY(kvm::DirtyRing::map(vcpu.fd(), VcpuIndex{i})));
        hardware.vcpus.push_back(std::make_unique<kvm::Vcpu>(std::move(vcpu)));
    }
    return {};
}

}  // namespace

Result<Hardware> make_hardware(const kvm::System& system, GuestMemory memory, std::uint32_t vcpus,
                               PageLog pages) {
    auto vm = TRY(system.create_vm());
    const bool dirty_rings = pages == PageLog::Rings && TRY(enable_dirty_rings(vm));
    TRY(set_up_vm(vm, memory));
    Hardware hardware{std::move(memory), std::move(vm), {}, {}, {}};
    TRY(add_vcpus(hardware, system, vcpus, dirty_rings));
    return hardware;
}

Result<void> Hardware::set_boot_state(const x86::GeneralRegisters& general,
                                      const x86::SystemRegisters& system) {
    TRY(set_up_boot_vcpu(*vcpus.front(), general, system));
    for (std::size_t i = 1; i < vcpus.size(); ++i)
        TRY(set_up_application_vcpu(*vcpus[i]));
    return {};
}

}  // namespace ringside::machine
