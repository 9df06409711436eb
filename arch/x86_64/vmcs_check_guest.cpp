// The guest-state area, without the segments (SDM volume 3, 27.3.1.1 and 27.3.1.3 to 27.3.1.5).
#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/vmcs_checker.h"
#include "arch/x86_64/vmx_controls.h"
#include "arch/x86_64/vmx_events.h"

namespace ringside::x86 {

using enum VmcsField;

namespace {

constexpr std::uint64_t kDebugctlReserved = ~std::uint64_t{0xffc3 | 1U << 2};
constexpr std::uint64_t kRflagsReserved = ~std::uint64_t{0x3fffff} | 1U << 15 | 1U << 5 | 1U << 3;
constexpr std::uint64_t kLong = 1U << 13;  // CS.L in its access rights

using vmx::kBlockedBySti, vmx::kBlockedByMovSs, vmx::kBlockedBySmi, vmx::kBlockedByNmi;
constexpr std::uint64_t kPendingReserved =
    ~std::uint64_t{0xf | 1U << 12 | vmx::kPendingSingleStep | 1U << 16};

}  // namespace

void VmcsChecker::check_guest_registers() {
    begin(VmcsCheckStage::Guest, "27.3.1.1");
    // An unrestricted guest may run without protection and paging.
    const std::uint64_t free = unrestricted() ? cr0::kPe | cr0::kPg : 0;
    require_fixed(GuestCr0, cpu_.cr0_fixed0 & ~free, cpu_.cr0_fixed1);
    require(has(GuestCr0, cr0::kPe) || !has(GuestCr0, cr0::kPg), GuestCr0, "PG needs PE");
    require_fixed(GuestCr4, cpu_.cr4_fixed0, cpu_.cr4_fixed1);
    require(get(GuestCr3) >> cpu_.physical_address_bits == 0, GuestCr3,
            "is beyond the processor's physical-address width");
    if (long_mode_guest()) {
        require(has(GuestCr0, cr0::kPg), GuestCr0, "PG must be 1 in IA-32e mode");
        require(has(GuestCr4, cr4::kPae), GuestCr4, "PAE must be 1 in IA-32e mode");
    } else {
        require(!has(GuestCr4, cr4::kPcide), GuestCr4, "PCIDE must be 0 outside IA-32e mode");
    }
    if (has(VmEntryControls, vmx::kEntryLoadDebug)) {
        require((get(GuestIa32Debugctl) & kDebugctlReserved) == 0, GuestIa32Debugctl, "has a reserved bit");
        require((get(GuestDr7) & kVmcsUpperHalf) == 0, GuestDr7, "has bits above 31");
    }
    require_canonical(GuestIa32SysenterEsp);
    require_canonical(GuestIa32SysenterEip);
    if (has(VmEntryControls, vmx::kEntryLoadPat))
        require_pat(GuestIa32Pat);
    if (!has(VmEntryControls, vmx::kEntryLoadEfer))
        return;
    require((get(GuestIa32Efer) & ~kVmcsEferBits) == 0, GuestIa32Efer, "has a reserved bit");
    require(has(GuestIa32Efer, efer::kLma) == long_mode_guest(), GuestIa32Efer,
            "LMA must be as the VM-entry control IA-32e-mode-guest");
    require(!has(GuestCr0, cr0::kPg) || has(GuestIa32Efer, efer::kLma) == has(GuestIa32Efer, efer::kLme),
            GuestIa32Efer, "LMA and LME must be equal while paging is on");
}

void VmcsChecker::check_descriptor_tables() {
    begin(VmcsCheckStage::Guest, "27.3.1.3");
    require_canonical(GuestGdtrBase);
    require_canonical(GuestIdtrBase);
    require(get(GuestGdtrLimit) <= 0xffff, GuestGdtrLimit, "has bits above 15");
    require(get(GuestIdtrLimit) <= 0xffff, GuestIdtrLimit, "has bits above 15");
}

void VmcsChecker::check_rip_and_rflags() {
    begin(VmcsCheckStage::Guest, "27.3.1.4");
    if (long_mode_guest() && has(GuestCsAccessRights, kLong))
        require_canonical(GuestRip);
    else
        require((get(GuestRip) & kVmcsUpperHalf) == 0, GuestRip, "has bits above 31 outside 64-bit code");
    require((get(GuestRflags) & kRflagsReserved) == 0, GuestRflags, "has a reserved bit");
    require(has(GuestRflags, rflags::kReserved1), GuestRflags, "bit 1 must be 1");
    require(!virtual_8086() || (!long_mode_guest() && has(GuestCr0, cr0::kPe)), GuestRflags,
            "VM must be 0 in IA-32e mode and without protection");
    const std::uint64_t event = get(VmEntryInterruptionInformation);
    require(!vmx::is_valid_event(event) || vmx::event_type(event) != vmx::EventType::ExternalInterrupt ||
                has(GuestRflags, rflags::kIf),
            GuestRflags, "IF must be 1 when an external interrupt is injected");
}

void VmcsChecker::check_non_register_state() {
    begin(VmcsCheckStage::Guest, "27.3.1.5");
    constexpr std::uint64_t kActive = 0, kHalted = 1, kMostStates = 4;
    const std::uint64_t activity = get(GuestActivityState), blocked = get(GuestInterruptibilityState);
    const std::uint64_t event = get(VmEntryInterruptionInformation);
    require(activity == kActive || (activity < kMostStates && (cpu_.misc >> (5 + activity) & 1) != 0),
            GuestActivityState, "is not an activity state of this processor");
    require(activity != kHalted || (get(GuestSsAccessRights) >> 5 & 3) == 0, GuestActivityState,
            "only code at CPL 0 can have executed HLT");
    require(activity == kActive || (blocked & (kBlockedBySti | kBlockedByMovSs)) == 0, GuestActivityState,
            "must be active while STI or MOV SS blocks events");
    require(blocked < 0x20, GuestInterruptibilityState, "has a reserved bit");
    require((blocked & (kBlockedBySti | kBlockedByMovSs)) != (kBlockedBySti | kBlockedByMovSs),
            GuestInterruptibilityState, "STI and MOV SS cannot both block");
    require((blocked & kBlockedBySti) == 0 || has(GuestRflags, rflags::kIf), GuestInterruptibilityState,
            "STI can only block if RFLAGS.IF is 1");
    require((blocked & kBlockedBySmi) == 0, GuestInterruptibilityState, "SMI can only block in SMM");
    if (vmx::is_valid_event(event)) {
        const auto type = vmx::event_type(event);
        require(
            type != vmx::EventType::ExternalInterrupt || (blocked & (kBlockedBySti | kBlockedByMovSs)) == 0,
            GuestInterruptibilityState,
            "an external interrupt cannot be injected while STI or MOV SS blocks");
        require(type != vmx::EventType::Nmi || (blocked & kBlockedByMovSs) == 0, GuestInterruptibilityState,
                "an NMI cannot be injected while MOV SS blocks");
        require(type != vmx::EventType::Nmi || (blocked & kBlockedByNmi) == 0 ||
                    !has(PinBasedControls, vmx::kVirtualNmis),
                GuestInterruptibilityState, "a virtual NMI cannot be injected while NMIs are blocked");
    }
    require((get(GuestPendingDebugExceptions) & kPendingReserved) == 0, GuestPendingDebugExceptions,
            "has a reserved bit");
    if (get(VmcsLinkPointer) != ~std::uint64_t{0})
        require_physical(VmcsLinkPointer, 0x1000);
}

}  // namespace ringside::x86
