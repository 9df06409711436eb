#include "vmm/debug/guest/vcpu_state.h"

#include <array>
#include <cstddef>

#include "arch/x86_64/msrs.h"
#include "arch/x86_64/xsave.h"

namespace ringside::debug {

namespace {

using Msrs = x86::ModelSpecificRegisters;
using x86::RegisterClass;

// An MSR's index and the place of its value.
struct MsrRow {
    std::uint32_t index;
    std::uint64_t Msrs::*field;
    std::size_t offset;  // of the field in CpuState
};
#define RINGSIDE_MSR(index, name)                                                \
    MsrRow {                                                                     \
        index, &Msrs::name, offsetof(x86::CpuState, msrs) + offsetof(Msrs, name) \
    }
constexpr std::array kMsrRows{RINGSIDE_MSR(x86::msr::kKernelGsBase, kernel_gs_base),
                              RINGSIDE_MSR(x86::msr::kStar, star),
                              RINGSIDE_MSR(x86::msr::kLstar, lstar),
                              RINGSIDE_MSR(x86::msr::kCstar, cstar),
                              RINGSIDE_MSR(x86::msr::kFmask, fmask),
                              RINGSIDE_MSR(x86::msr::kSysenterCs, sysenter_cs),
                              RINGSIDE_MSR(x86::msr::kSysenterEsp, sysenter_esp),
                              RINGSIDE_MSR(x86::msr::kSysenterEip, sysenter_eip),
                              RINGSIDE_MSR(x86::msr::kTsc, tsc),
                              RINGSIDE_MSR(x86::msr::kMiscEnable, misc_enable),
                              RINGSIDE_MSR(x86::msr::kPat, pat)};
#undef RINGSIDE_MSR

template <typename T>
Result<void> keep(T& field, Result<T> value) {
    field = TRY(std::move(value));
    return {};
}

constexpr std::array kAllClasses{RegisterClass::General, RegisterClass::System, RegisterClass::Extended,
                                 RegisterClass::Debug,   RegisterClass::Msrs,   RegisterClass::Xcr0};

}  // namespace

Result<x86::ExtendedState> read_extended(const kvm::VcpuPort& vcpu, const machine::CpuFeatures& features) {
    const auto area = TRY(vcpu.xsave());
    x86::ExtendedState extended;
    if (!x86::read_xsave(area, features.xsave_layout, extended))
        return tl::unexpected<Error>(
            Error{"KVM_GET_XSAVE", "the area is in a format that is not understood", 0, vcpu.index(), {}});
    return extended;
}

void VcpuState::cache(const x86::GeneralRegisters& general, const x86::SystemRegisters& system) {
    loaded_ = {};
    state_.general = general;
    state_.system = system;
    loaded_.add(RegisterClass::General);
    loaded_.add(RegisterClass::System);
}

const x86::CpuState* VcpuState::cached() const {
    return loaded_.has(RegisterClass::General) && loaded_.has(RegisterClass::System) ? &state_ : nullptr;
}

void VcpuState::cache() {
    loaded_ = {};
    for (const auto which : {RegisterClass::General, RegisterClass::System}) {
        // A failure is reported when the class is requested: load() tries again and reports it.
        if (fetch(thread_.vcpu(), which))
            loaded_.add(which);
    }
}

Result<const x86::CpuState*> VcpuState::load(const machine::StopToken&, x86::ClassSet classes) {
    x86::ClassSet missing;
    bool any = false;
    for (const auto which : kAllClasses) {
        if (classes.has(which) && !loaded_.has(which)) {
            missing.add(which);
            any = true;
        }
    }
    if (!any)
        return &state_;
    const auto fetched = thread_.call([&](kvm::VcpuPort& vcpu) -> Result<void> {
        for (const auto which : kAllClasses) {
            if (!missing.has(which))
                continue;
            TRY(fetch(vcpu, which));
            loaded_.add(which);
        }
        return {};
    });
    TRY(fetched);
    return &state_;
}

Result<void> VcpuState::store(const machine::StopToken&, x86::ClassSet classes, const x86::CpuState& state) {
    auto status = thread_.call([&](kvm::VcpuPort& vcpu) -> Result<void> {
        for (const auto which : kAllClasses) {
            if (!classes.has(which))
                continue;
            TRY(put(vcpu, which, state));
        }
        return {};
    });
    // KVM may have adjusted what was written (RFLAGS' fixed bits, EFER.LMA): read back the result.
    loaded_ = {};
    return status;
}

bool VcpuState::known(const x86::RegisterInfo& info) const {
    if (info.register_class != RegisterClass::Msrs)
        return true;
    for (std::size_t i = 0; i < kMsrRows.size(); ++i) {
        if (kMsrRows[i].offset == info.location.offset)
            return (unknown_msrs_ >> i & 1) == 0;
    }
    return false;
}

Result<void> VcpuState::fetch(kvm::VcpuPort& vcpu, RegisterClass which) {
    switch (which) {
        case RegisterClass::General:
            return keep(state_.general, vcpu.general());
        case RegisterClass::System:
            return keep(state_.system, vcpu.system());
        case RegisterClass::Debug:
            return keep(state_.debug, vcpu.debug());
        case RegisterClass::Xcr0:
            return keep(state_.xcr0, vcpu.xcr0());
        case RegisterClass::Msrs:
            return fetch_msrs(vcpu);
        case RegisterClass::Extended:
            return keep(state_.extended, read_extended(vcpu, features_));
    }
    return {};
}

Result<void> VcpuState::put(kvm::VcpuPort& vcpu, RegisterClass which, const x86::CpuState& state) {
    switch (which) {
        case RegisterClass::General:
            return vcpu.set_general(state.general);
        case RegisterClass::System:
            return vcpu.set_system(state.system);
        case RegisterClass::Debug:
            return vcpu.set_debug(state.debug);
        case RegisterClass::Xcr0:
            return vcpu.set_xcr0(state.xcr0);
        case RegisterClass::Msrs:
            return put_msrs(vcpu, state);
        case RegisterClass::Extended:
            return put_extended(vcpu, state);
    }
    return {};
}

Result<void> VcpuState::put_extended(kvm::VcpuPort& vcpu, const x86::CpuState& state) {
    auto area = TRY(vcpu.xsave());
    if (!x86::write_xsave(state.extended, features_.xsave_layout, area))
        return tl::unexpected<Error>(
            Error{"KVM_SET_XSAVE", "the area is in a format that is not understood", 0, vcpu.index(), {}});
    return vcpu.set_xsave(area);
}

// One by one if necessary: KVM_GET_MSRS stops at the first that the host does not offer, and the others are
// still needed.
Result<void> VcpuState::fetch_msrs(kvm::VcpuPort& vcpu) {
    std::array<kvm::Msr, kMsrRows.size()> msrs{};
    for (std::size_t i = 0; i < msrs.size(); ++i)
        msrs[i].index = kMsrRows[i].index;
    unknown_msrs_ = 0;
    for (std::size_t first = 0; first < msrs.size();) {
        const auto count = TRY(vcpu.read_msrs(std::span(msrs).subspan(first)));
        first += count;
        if (first < msrs.size())
            unknown_msrs_ |= std::uint32_t{1} << first++;
    }
    for (std::size_t i = 0; i < msrs.size(); ++i)
        state_.msrs.*kMsrRows[i].field = msrs[i].value;
    return {};
}

// Only those that changed: writing back an unchanged TSC would set it back.
Result<void> VcpuState::put_msrs(kvm::VcpuPort& vcpu, const x86::CpuState& state) {
    for (const MsrRow& row : kMsrRows) {
        const std::uint64_t value = state.msrs.*row.field;
        if (value == state_.msrs.*row.field)
            continue;
        const kvm::Msr msr{row.index, value};
        TRY(vcpu.write_msrs({&msr, 1}));
    }
    return {};
}

}  // namespace ringside::debug
