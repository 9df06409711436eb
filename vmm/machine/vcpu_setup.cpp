#include "vmm/machine/vcpu_setup.h"

#include <array>
#include <cstring>

#include "arch/x86_64/msrs.h"

namespace ringside::machine {

namespace {

namespace msr = x86::msr;

constexpr std::uint64_t kMiscEnableFastStrings = 1;
constexpr std::uint64_t kMtrrEnabled = 1 << 11;
constexpr std::uint64_t kMtrrWriteBack = 6;

// The values that firmware sets. MISC_ENABLE exists only on Intel, and not every KVM has the MTRRs: those
// are tried one by one.
constexpr std::array kBootMsrs{kvm::Msr{msr::kSysenterCs, 0},  kvm::Msr{msr::kSysenterEsp, 0},
                               kvm::Msr{msr::kSysenterEip, 0}, kvm::Msr{msr::kStar, 0},
                               kvm::Msr{msr::kLstar, 0},       kvm::Msr{msr::kCstar, 0},
                               kvm::Msr{msr::kFmask, 0},       kvm::Msr{msr::kKernelGsBase, 0}};
constexpr std::array kOptionalMsrs{kvm::Msr{msr::kMiscEnable, kMiscEnableFastStrings},
                                   kvm::Msr{msr::kMtrrDefType, kMtrrEnabled | kMtrrWriteBack}};

// Local vector table entries (SDM volume 3, 10.5.1): the PIC's INTR comes in at LINT0, NMI at LINT1.
constexpr std::size_t kLvtLint0 = 0x350, kLvtLint1 = 0x360;
constexpr std::uint32_t kDeliveryNmi = 4 << 8, kDeliveryExtInt = 7 << 8;

void set_lvt(kvm_lapic_state& lapic, std::size_t offset, std::uint32_t delivery) {
    std::uint32_t value = 0;
    std::memcpy(&value, lapic.regs + offset, sizeof value);
    value = (value & ~std::uint32_t{0x700}) | delivery;
    std::memcpy(lapic.regs + offset, &value, sizeof value);
}

}  // namespace

Result<void> set_up_common(kvm::Vcpu& vcpu) {
    TRY(vcpu.write_msrs(kBootMsrs));
    for (const kvm::Msr& optional : kOptionalMsrs)
        (void)vcpu.write_msrs({&optional, 1});
    auto lapic = TRY(vcpu.lapic());
    set_lvt(lapic, kLvtLint0, kDeliveryExtInt);
    set_lvt(lapic, kLvtLint1, kDeliveryNmi);
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
