// The fields of a virtual-machine control structure: encodings and names (SDM volume 3, chapter 25 and appendix B).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringside::x86 {

// The value is the encoding that VMREAD and VMWRITE take. A 64-bit field's "high" encoding (bit 0) is not listed.
enum class VmcsField : std::uint16_t {
    Vpid = 0x0000,
    PostedInterruptVector = 0x0002,
    EptpIndex = 0x0004,
    GuestEsSelector = 0x0800,
    GuestCsSelector = 0x0802,
    GuestSsSelector = 0x0804,
    GuestDsSelector = 0x0806,
    GuestFsSelector = 0x0808,
    GuestGsSelector = 0x080a,
    GuestLdtrSelector = 0x080c,
    GuestTrSelector = 0x080e,
    GuestInterruptStatus = 0x0810,
    PmlIndex = 0x0812,
    HostEsSelector = 0x0c00,
    HostCsSelector = 0x0c02,
    HostSsSelector = 0x0c04,
    HostDsSelector = 0x0c06,
    HostFsSelector = 0x0c08,
    HostGsSelector = 0x0c0a,
    HostTrSelector = 0x0c0c,
    IoBitmapA = 0x2000,
    IoBitmapB = 0x2002,
    MsrBitmaps = 0x2004,
    VmExitMsrStoreAddress = 0x2006,
    VmExitMsrLoadAddress = 0x2008,
    VmEntryMsrLoadAddress = 0x200a,
    ExecutiveVmcsPointer = 0x200c,
    PmlAddress = 0x200e,
    TscOffset = 0x2010,
    VirtualApicAddress = 0x2012,
    ApicAccessAddress = 0x2014,
    PostedInterruptDescriptor = 0x2016,
    VmFunctionControls = 0x2018,
    EptPointer = 0x201a,
    EoiExitBitmap0 = 0x201c,
    EoiExitBitmap1 = 0x201e,
    EoiExitBitmap2 = 0x2020,
    EoiExitBitmap3 = 0x2022,
    EptpListAddress = 0x2024,
    VmreadBitmap = 0x2026,
    VmwriteBitmap = 0x2028,
    VeInformationAddress = 0x202a,
    XssExitingBitmap = 0x202c,
    EnclsExitingBitmap = 0x202e,
    SppTablePointer = 0x2030,
    TscMultiplier = 0x2032,
    TertiaryControls = 0x2034,
    EnclvExitingBitmap = 0x2036,
    GuestPhysicalAddress = 0x2400,
    VmcsLinkPointer = 0x2800,
    GuestIa32Debugctl = 0x2802,
    GuestIa32Pat = 0x2804,
    GuestIa32Efer = 0x2806,
    GuestIa32PerfGlobalCtrl = 0x2808,
    GuestPdpte0 = 0x280a,
    GuestPdpte1 = 0x280c,
    GuestPdpte2 = 0x280e,
    GuestPdpte3 = 0x2810,
    GuestIa32Bndcfgs = 0x2812,
    GuestIa32RtitCtl = 0x2814,
    GuestIa32LbrCtl = 0x2816,
    GuestIa32Pkrs = 0x2818,
    HostIa32Pat = 0x2c00,
    HostIa32Efer = 0x2c02,
    HostIa32PerfGlobalCtrl = 0x2c04,
    HostIa32Pkrs = 0x2c06,
    PinBasedControls = 0x4000,
    PrimaryControls = 0x4002,
    ExceptionBitmap = 0x4004,
    PageFaultErrorCodeMask = 0x4006,
    PageFaultErrorCodeMatch = 0x4008,
    Cr3TargetCount = 0x400a,
    VmExitControls = 0x400c,
    VmExitMsrStoreCount = 0x400e,
    VmExitMsrLoadCount = 0x4010,
    VmEntryControls = 0x4012,
    VmEntryMsrLoadCount = 0x4014,
    VmEntryInterruptionInformation = 0x4016,
    VmEntryExceptionErrorCode = 0x4018,
    VmEntryInstructionLength = 0x401a,
    TprThreshold = 0x401c,
    SecondaryControls = 0x401e,
    PleGap = 0x4020,
    PleWindow = 0x4022,
    VmInstructionError = 0x4400,
    ExitReason = 0x4402,
    VmExitInterruptionInformation = 0x4404,
    VmExitInterruptionErrorCode = 0x4406,
    IdtVectoringInformation = 0x4408,
    IdtVectoringErrorCode = 0x440a,
    VmExitInstructionLength = 0x440c,
    VmExitInstructionInformation = 0x440e,
    GuestEsLimit = 0x4800,
    GuestCsLimit = 0x4802,
    GuestSsLimit = 0x4804,
    GuestDsLimit = 0x4806,
    GuestFsLimit = 0x4808,
    GuestGsLimit = 0x480a,
    GuestLdtrLimit = 0x480c,
    GuestTrLimit = 0x480e,
    GuestGdtrLimit = 0x4810,
    GuestIdtrLimit = 0x4812,
    GuestEsAccessRights = 0x4814,
    GuestCsAccessRights = 0x4816,
    GuestSsAccessRights = 0x4818,
    GuestDsAccessRights = 0x481a,
    GuestFsAccessRights = 0x481c,
    GuestGsAccessRights = 0x481e,
    GuestLdtrAccessRights = 0x4820,
    GuestTrAccessRights = 0x4822,
    GuestInterruptibilityState = 0x4824,
    GuestActivityState = 0x4826,
    GuestSmbase = 0x4828,
    GuestIa32SysenterCs = 0x482a,
    VmxPreemptionTimerValue = 0x482e,
    HostIa32SysenterCs = 0x4c00,
    Cr0GuestHostMask = 0x6000,
    Cr4GuestHostMask = 0x6002,
    Cr0ReadShadow = 0x6004,
    Cr4ReadShadow = 0x6006,
    Cr3TargetValue0 = 0x6008,
    Cr3TargetValue1 = 0x600a,
    Cr3TargetValue2 = 0x600c,
    Cr3TargetValue3 = 0x600e,
    ExitQualification = 0x6400,
    IoRcx = 0x6402,
    IoRsi = 0x6404,
    IoRdi = 0x6406,
    IoRip = 0x6408,
    GuestLinearAddress = 0x640a,
    GuestCr0 = 0x6800,
    GuestCr3 = 0x6802,
    GuestCr4 = 0x6804,
    GuestEsBase = 0x6806,
    GuestCsBase = 0x6808,
    GuestSsBase = 0x680a,
    GuestDsBase = 0x680c,
    GuestFsBase = 0x680e,
    GuestGsBase = 0x6810,
    GuestLdtrBase = 0x6812,
    GuestTrBase = 0x6814,
    GuestGdtrBase = 0x6816,
    GuestIdtrBase = 0x6818,
    GuestDr7 = 0x681a,
    GuestRsp = 0x681c,
    GuestRip = 0x681e,
    GuestRflags = 0x6820,
    GuestPendingDebugExceptions = 0x6822,
    GuestIa32SysenterEsp = 0x6824,
    GuestIa32SysenterEip = 0x6826,
    GuestIa32SCet = 0x6828,
    GuestSsp = 0x682a,
    GuestIa32InterruptSspTableAddr = 0x682c,
    HostCr0 = 0x6c00,
    HostCr3 = 0x6c02,
    HostCr4 = 0x6c04,
    HostFsBase = 0x6c06,
    HostGsBase = 0x6c08,
    HostTrBase = 0x6c0a,
    HostGdtrBase = 0x6c0c,
    HostIdtrBase = 0x6c0e,
    HostIa32SysenterEsp = 0x6c10,
    HostIa32SysenterEip = 0x6c12,
    HostRsp = 0x6c14,
    HostRip = 0x6c16,
    HostIa32SCet = 0x6c18,
    HostSsp = 0x6c1a,
    HostIa32InterruptSspTableAddr = 0x6c1c,
};

// Bits 11:10 of the encoding (SDM volume 3, 25.11.2).
enum class VmcsGroup : std::uint8_t { Control, ExitInformation, GuestState, HostState };
// Bits 14:13.
enum class VmcsWidth : std::uint8_t { Bits16, Bits64, Bits32, Natural };

constexpr std::uint16_t encoding(VmcsField field) {
    return static_cast<std::uint16_t>(field);
}
constexpr VmcsGroup group(VmcsField field) {
    return static_cast<VmcsGroup>(encoding(field) >> 10 & 3);
}
constexpr VmcsWidth width(VmcsField field) {
    return static_cast<VmcsWidth>(encoding(field) >> 13 & 3);
}
// Of a processor with 64-bit mode: 2, 4 or 8 bytes.
constexpr unsigned bytes(VmcsField field) {
    return width(field) == VmcsWidth::Bits16 ? 2 : width(field) == VmcsWidth::Bits32 ? 4 : 8;
}

// The manual's word for a group: "guest-state area".
std::string_view name(VmcsGroup group);

// Every field, by ascending encoding.
std::span<const VmcsField> vmcs_fields();
// "GUEST_RIP"; empty for an encoding that is not listed.
std::string_view name(VmcsField field);
// The field with this name, in upper or lower case, or with this encoding ("0x681e").
std::optional<VmcsField> find_vmcs_field(std::string_view text);
// The field that find_vmcs_field() returns, otherwise all whose names contain `text`.
std::vector<VmcsField> match_vmcs_fields(std::string_view text);

// The known field values of one VMCS.
class VmcsValues {
  public:
    std::optional<std::uint64_t> get(VmcsField field) const {
        const auto found = values_.find(field);
        return found == values_.end() ? std::nullopt : std::optional(found->second);
    }
    void set(VmcsField field, std::uint64_t value) { values_[field] = value; }
    const std::map<VmcsField, std::uint64_t>& all() const { return values_; }
    friend bool operator==(const VmcsValues&, const VmcsValues&) = default;

  private:
    std::map<VmcsField, std::uint64_t> values_;
};

}  // namespace ringside::x86
