#include "arch/x86_64/vmcs12.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

namespace ringside::x86 {

namespace {

// Header: revision, abort indicator, launch state (non-zero once launched).
constexpr std::size_t kAbort = 4, kLaunchState = 8;

// Fields of one width that follow each other without a gap.
constexpr std::size_t kControls64 = 40, kControlsNatural = 344, kGuestNatural = 424, kControls32 = 744,
                      kGuest32 = 840, kFields16 = 960;
using enum VmcsField;
constexpr std::array kControls64Fields{
    IoBitmapA, IoBitmapB, MsrBitmaps, VmExitMsrStoreAddress, VmExitMsrLoadAddress, VmEntryMsrLoadAddress,
    TscOffset, VirtualApicAddress, ApicAccessAddress, PostedInterruptDescriptor, EptPointer, EoiExitBitmap0,
    EoiExitBitmap1, EoiExitBitmap2, EoiExitBitmap3, XssExitingBitmap, GuestPhysicalAddress, VmcsLinkPointer,
    GuestIa32Debugctl, GuestIa32Pat, GuestIa32Efer, GuestIa32PerfGlobalCtrl, GuestPdpte0, GuestPdpte1,
    GuestPdpte2, GuestPdpte3, GuestIa32Bndcfgs, HostIa32Pat, HostIa32Efer, HostIa32PerfGlobalCtrl,
    VmreadBitmap, VmwriteBitmap, VmFunctionControls, EptpListAddress, PmlAddress,
    // Since Linux 5.15; 0 before.
    EnclsExitingBitmap, TscMultiplier};
// Four reserved quadwords follow: KVM has no CR3-target values.
constexpr std::array kControlsNaturalFields{Cr0GuestHostMask, Cr4GuestHostMask, Cr0ReadShadow, Cr4ReadShadow};
constexpr std::size_t kExitNatural = 408;
constexpr std::array kExitNaturalFields{ExitQualification, GuestLinearAddress};
constexpr std::array kGuestNaturalFields{GuestCr0,
                                         GuestCr3,
                                         GuestCr4,
                                         GuestEsBase,
                                         GuestCsBase,
                                         GuestSsBase,
                                         GuestDsBase,
                                         GuestFsBase,
                                         GuestGsBase,
                                         GuestLdtrBase,
                                         GuestTrBase,
                                         GuestGdtrBase,
                                         GuestIdtrBase,
                                         GuestDr7,
                                         GuestRsp,
                                         GuestRip,
                                         GuestRflags,
                                         GuestPendingDebugExceptions,
                                         GuestIa32SysenterEsp,
                                         GuestIa32SysenterEip,
                                         HostCr0,
                                         HostCr3,
                                         HostCr4,
                                         HostFsBase,
                                         HostGsBase,
                                         HostTrBase,
                                         HostGdtrBase,
                                         HostIdtrBase,
                                         HostIa32SysenterEsp,
                                         HostIa32SysenterEip,
                                         HostRsp,
                                         HostRip};
constexpr std::array kControls32Fields{PinBasedControls,
                                       PrimaryControls,
                                       ExceptionBitmap,
                                       PageFaultErrorCodeMask,
                                       PageFaultErrorCodeMatch,
                                       Cr3TargetCount,
                                       VmExitControls,
                                       VmExitMsrStoreCount,
                                       VmExitMsrLoadCount,
                                       VmEntryControls,
                                       VmEntryMsrLoadCount,
                                       VmEntryInterruptionInformation,
                                       VmEntryExceptionErrorCode,
                                       VmEntryInstructionLength,
                                       TprThreshold,
                                       SecondaryControls,
                                       VmInstructionError,
                                       ExitReason,
                                       VmExitInterruptionInformation,
                                       VmExitInterruptionErrorCode,
                                       IdtVectoringInformation,
                                       IdtVectoringErrorCode,
                                       VmExitInstructionLength,
                                       VmExitInstructionInformation};
constexpr std::array kGuest32Fields{GuestEsLimit,
                                    GuestCsLimit,
                                    GuestSsLimit,
                                    GuestDsLimit,
                                    GuestFsLimit,
                                    GuestGsLimit,
                                    GuestLdtrLimit,
                                    GuestTrLimit,
                                    GuestGdtrLimit,
                                    GuestIdtrLimit,
                                    GuestEsAccessRights,
                                    GuestCsAccessRights,
                                    GuestSsAccessRights,
                                    GuestDsAccessRights,
                                    GuestFsAccessRights,
                                    GuestGsAccessRights,
                                    GuestLdtrAccessRights,
                                    GuestTrAccessRights,
                                    GuestInterruptibilityState,
                                    GuestActivityState,
                                    GuestIa32SysenterCs,
                                    HostIa32SysenterCs,
                                    VmxPreemptionTimerValue};
constexpr std::array kFields16Fields{Vpid,
                                     PostedInterruptVector,
                                     GuestEsSelector,
                                     GuestCsSelector,
                                     GuestSsSelector,
                                     GuestDsSelector,
                                     GuestFsSelector,
                                     GuestGsSelector,
                                     GuestLdtrSelector,
                                     GuestTrSelector,
                                     GuestInterruptStatus,
                                     HostEsSelector,
                                     HostCsSelector,
                                     HostSsSelector,
                                     HostDsSelector,
                                     HostFsSelector,
                                     HostGsSelector,
                                     HostTrSelector,
                                     PmlIndex};

struct Run {
    std::size_t offset;
    std::span<const VmcsField> fields;
};
constexpr std::array kRuns{
    Run{kControls64, kControls64Fields},   Run{kControlsNatural, kControlsNaturalFields},
    Run{kExitNatural, kExitNaturalFields}, Run{kGuestNatural, kGuestNaturalFields},
    Run{kControls32, kControls32Fields},   Run{kGuest32, kGuest32Fields},
    Run{kFields16, kFields16Fields}};

template <typename T>
T load(std::span<const std::byte> image, std::size_t offset) {
    T value;
    std::memcpy(&value, image.data() + offset, sizeof value);
    return value;
}

std::uint64_t load_field(std::span<const std::byte> image, std::size_t offset, VmcsField field) {
    std::uint64_t value = 0;
    std::memcpy(&value, image.data() + offset, bytes(field));
    return value;
}

}  // namespace

tl::expected<Vmcs12, std::string> read_vmcs12(std::span<const std::byte> image) {
    if (image.size() < kVmcs12Size)
        return tl::unexpected(
            fmt::format("KVM's copy of the VMCS has {} bytes instead of {}", image.size(), kVmcs12Size));
    const auto revision = load<std::uint32_t>(image, 0);
    if (revision != kVmcs12Revision)
        return tl::unexpected(
            fmt::format("this KVM keeps VMCSs in a layout of revision 0x{:x}, and only 0x{:x} is known here",
                        revision, kVmcs12Revision));
    Vmcs12 vmcs;
    vmcs.abort = load<std::uint32_t>(image, kAbort);
    vmcs.launched = load<std::uint32_t>(image, kLaunchState) != 0;
    for (const Run& run : kRuns) {
        std::size_t offset = run.offset;
        for (const VmcsField field : run.fields) {
            vmcs.fields.set(field, load_field(image, offset, field));
            offset += bytes(field);
        }
    }
    return vmcs;
}

std::optional<std::size_t> vmcs12_offset(VmcsField wanted) {
    for (const Run& run : kRuns) {
        std::size_t offset = run.offset;
        for (const VmcsField field : run.fields) {
            if (field == wanted)
                return offset;
            offset += bytes(field);
        }
    }
    return std::nullopt;
}

bool write_vmcs12(std::span<std::byte> image, VmcsField field, std::uint64_t value) {
    const auto offset = vmcs12_offset(field);
    if (!offset || image.size() < kVmcs12Size)
        return false;
    std::memcpy(image.data() + *offset, &value, bytes(field));
    return true;
}

}  // namespace ringside::x86
