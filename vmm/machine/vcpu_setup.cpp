#include "vmm/machine/vcpu_setup.h"

#include <array>
#include <cstring>

#include "arch/x86_64/local_apic.h"
#include "arch/x86_64/msrs.h"

namespace ringside::machine {

namespace {

namespace msr = x86::msr;

// The values that firmware sets. MISC_ENABLE exists only on Intel, and not every KVM has the MTRRs: those
// are tried one by one.
constexpr std::array kBootMsrs{kvm::Msr{msr::kSysenterCs, 0},  kvm::Msr{msr::kSysenterEsp, 0},
                               kvm::Msr{msr::kSysenterEip, 0}, kvm::Msr{msr::kStar, 0},
                               kvm::Msr{msr::kLstar, 0},       kvm::Msr{msr::kCstar, 0},
                               kvm::Msr{msr::kFmask, 0},       kvm::Msr{msr::kKernelGsBase, 0}};
constexpr std::array kOptionalMsrs{kvm::Msr{msr::kMiscEnable, msr::kMiscEnableFastStrings},
                                   kvm::Msr{msr::kMtrrDefType, msr::kMtrrsEnabled | msr::kMtrrWriteBack}};

void set_delivery(kvm_lapic_state& lapic, x86::LocalSource source, x86::DeliveryMode mode) {
    char* entry = lapic.regs + x86::local_vector_offset(source);
    std::uint32_t value = 0;
    std::memcpy(&value, entry, sizeof value);
    value = x86::with_delivery_mode(value, mode);
    std::memcpy(entry, &value, sizeof value);
}

}  // namespace

Result<void> set_up_common(kvm::Vcpu& vcpu) {
    TRY(vcpu.write_msrs(kBootMsrs));
    for (const kvm::Msr& optional : kOptionalMsrs)
        (void)vcpu.write_msrs({&optional, 1});
    auto lapic = TRY(vcpu.lapic());
    // The PIC's INTR is connected to LINT0, NMI to LINT1.
    set_delivery(lapic, x86::LocalSource::Lint0, x86::DeliveryMode::ExtInt);
    set_delivery(lapic, x86::LocalSource::Lint1, x86::DeliveryMode::Nmi);
    return vcpu.set_lapic(lapic);
}

Result<void> set_up_boot_vcpu(kvm::VcpuPort& vcpu, const x86::GeneralRegisters& general,
                              const x86::SystemRegisters& system) {
    auto current = TRY(vcpu.system());
    x86::SystemRegisters wanted = system;
    wanted.apic_base = current.apic_base;  // a loader does not set the APIC base
    TRY(vcpu.set_system(wanted));
    TRY(vcpu.set_general(general));
    return vcpu.set_mp_state(KVM_MP_STATE_RUNNABLE);
}

Result<void> set_up_application_vcpu(kvm::VcpuPort& vcpu) {
    return vcpu.set_mp_state(KVM_MP_STATE_UNINITIALIZED);
}

}  // namespace ringside::machine
