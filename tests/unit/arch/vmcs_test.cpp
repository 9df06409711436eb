#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "arch/x86_64/vmcs12.h"
#include "arch/x86_64/vmcs_fields.h"
#include "arch/x86_64/vmcs_of_state.h"
#include "arch/x86_64/vmcs_words.h"

namespace ringside::x86 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using enum VmcsField;

TEST(VmcsFields, TheEncodingSaysGroupAndWidth) {
    EXPECT_EQ(group(Vpid), VmcsGroup::Control);
    EXPECT_EQ(group(ExitReason), VmcsGroup::ExitInformation);
    EXPECT_EQ(group(GuestRip), VmcsGroup::GuestState);
    EXPECT_EQ(group(HostTrSelector), VmcsGroup::HostState);
    EXPECT_EQ(bytes(HostTrSelector), 2U);
    EXPECT_EQ(bytes(EptPointer), 8U);
    EXPECT_EQ(bytes(ExitReason), 4U);
    EXPECT_EQ(bytes(GuestRip), 8U);
}

TEST(VmcsFields, EveryNameIsOneFieldsAndSaysItsGroup) {
    std::set<std::string_view> names;
    for (const VmcsField field : vmcs_fields()) {
        EXPECT_TRUE(names.insert(name(field)).second) << name(field);
        EXPECT_EQ(encoding(field) & 1, 0) << name(field);
        EXPECT_EQ(name(field).starts_with("HOST_"), group(field) == VmcsGroup::HostState) << name(field);
        EXPECT_EQ(find_vmcs_field(name(field)), field);
    }
    EXPECT_EQ(name(VmcsField{0x7ffe}), "");
}

TEST(VmcsFields, AreFoundByNameEncodingAndPart) {
    EXPECT_EQ(find_vmcs_field("guest_rip"), GuestRip);
    EXPECT_EQ(find_vmcs_field("0x681E"), GuestRip);
    EXPECT_EQ(find_vmcs_field("0x681f"), std::nullopt);
    EXPECT_EQ(find_vmcs_field("0x"), std::nullopt);
    EXPECT_EQ(find_vmcs_field("0x1681e"), std::nullopt);
    EXPECT_EQ(find_vmcs_field(""), std::nullopt);
    EXPECT_THAT(match_vmcs_fields("GUEST_CR0"), ElementsAre(GuestCr0));
    EXPECT_THAT(match_vmcs_fields("entry_msr"), ElementsAre(VmEntryMsrLoadAddress, VmEntryMsrLoadCount));
    EXPECT_THAT(match_vmcs_fields("nonsense"), IsEmpty());
}

std::vector<std::byte> image() {
    std::vector<std::byte> bytes(kVmcs12Size);
    std::memcpy(bytes.data(), &kVmcs12Revision, sizeof kVmcs12Revision);
    return bytes;
}

// Offsets that are far from the start of a run of fields: one field too many or too few before them moves them.
TEST(Vmcs12, FieldsAreWhereKvmKeepsThem) {
    EXPECT_EQ(vmcs12_offset(IoBitmapA), 40U);
    EXPECT_EQ(vmcs12_offset(VmcsLinkPointer), 176U);
    EXPECT_EQ(vmcs12_offset(PmlAddress), 312U);
    EXPECT_EQ(vmcs12_offset(TscMultiplier), 328U);
    EXPECT_EQ(vmcs12_offset(Cr4ReadShadow), 368U);
    EXPECT_EQ(vmcs12_offset(GuestLinearAddress), 416U);
    EXPECT_EQ(vmcs12_offset(GuestRip), 544U);
    EXPECT_EQ(vmcs12_offset(HostRip), 672U);
    EXPECT_EQ(vmcs12_offset(SecondaryControls), 804U);
    EXPECT_EQ(vmcs12_offset(VmExitInstructionInformation), 836U);
    EXPECT_EQ(vmcs12_offset(GuestTrAccessRights), 908U);
    EXPECT_EQ(vmcs12_offset(VmxPreemptionTimerValue), 928U);
    EXPECT_EQ(vmcs12_offset(GuestInterruptStatus), 980U);
    EXPECT_EQ(vmcs12_offset(PmlIndex), 996U);
    EXPECT_EQ(vmcs12_offset(EptpIndex), std::nullopt);
}

TEST(Vmcs12, NoTwoFieldsShareAByte) {
    std::set<std::size_t> used;
    for (const VmcsField field : vmcs_fields()) {
        const auto offset = vmcs12_offset(field);
        for (std::size_t i = 0; offset && i < bytes(field); ++i)
            EXPECT_TRUE(used.insert(*offset + i).second) << name(field);
    }
}

TEST(Vmcs12, WhatIsWrittenIsReadInTheFieldsWidth) {
    auto bytes = image();
    ASSERT_TRUE(write_vmcs12(bytes, GuestRip, 0x1122334455667788));
    ASSERT_TRUE(write_vmcs12(bytes, ExitReason, 0x123456789));
    ASSERT_TRUE(write_vmcs12(bytes, GuestCsSelector, 0x8));
    EXPECT_FALSE(write_vmcs12(bytes, EptpIndex, 1));
    bytes[8] = std::byte{1};
    const auto vmcs = read_vmcs12(bytes);
    ASSERT_TRUE(vmcs);
    EXPECT_TRUE(vmcs->launched);
    EXPECT_EQ(vmcs->fields.get(GuestRip), 0x1122334455667788U);
    EXPECT_EQ(vmcs->fields.get(ExitReason), 0x23456789U);
    EXPECT_EQ(vmcs->fields.get(GuestCsSelector), 0x8U);
    EXPECT_EQ(vmcs->fields.get(GuestDsSelector), 0U);
    EXPECT_EQ(vmcs->fields.get(EptpIndex), std::nullopt);
}

TEST(Vmcs12, AnotherRevisionOrATruncatedImageIsRefused) {
    auto bytes = image();
    bytes[0] = std::byte{0xd1};
    const auto other = read_vmcs12(bytes);
    ASSERT_FALSE(other);
    EXPECT_THAT(other.error(), HasSubstr("revision 0x11e57ed1"));
    EXPECT_FALSE(read_vmcs12({}));
    bytes = image();
    EXPECT_FALSE(read_vmcs12(std::span(bytes).first(kVmcs12Size - 1)));
}

TEST(GuestStateArea, HasTheRegistersInTheirFields) {
    GeneralRegisters general;
    general.rip = 0x1000;
    SystemRegisters system;
    system.cr3 = 0x2000;
    system.cs.selector = 8, system.cs.type = 11, system.cs.s = 1, system.cs.present = 1, system.cs.l = 1;
    system.tr.limit = 0x67;
    const VmcsValues area = guest_state_area(general, system, {});
    EXPECT_EQ(area.get(GuestRip), 0x1000U);
    EXPECT_EQ(area.get(GuestCr3), 0x2000U);
    EXPECT_EQ(area.get(GuestCsAccessRights), 0x209bU);
    EXPECT_EQ(area.get(GuestTrLimit), 0x67U);
    EXPECT_EQ(area.get(GuestDr7), 0x400U);
    EXPECT_EQ(area.get(GuestActivityState), std::nullopt);
    for (const auto& [field, value] : area.all())
        EXPECT_EQ(group(field), VmcsGroup::GuestState) << name(field);
}

TEST(GuestStateArea, HasTheLastExit) {
    VmcsValues area;
    set_exit_information(area, {.kind = VirtualizationKind::Vmx,
                                .reason = 48,
                                .info1 = 0x182,
                                .info2 = 0x80000b0e,
                                .intr_info = 0x80000b0d,
                                .error_code = 3,
                                .gpa = Gpa{0x5000}});
    EXPECT_EQ(area.get(ExitReason), 48U);
    EXPECT_EQ(area.get(ExitQualification), 0x182U);
    EXPECT_EQ(area.get(IdtVectoringInformation), 0x80000b0eU);
    EXPECT_EQ(area.get(VmExitInterruptionInformation), 0x80000b0dU);
    EXPECT_EQ(area.get(VmExitInterruptionErrorCode), 3U);
    EXPECT_EQ(area.get(GuestPhysicalAddress), 0x5000U);
    VmcsValues other;
    set_exit_information(other, {.reason = 10});
    EXPECT_EQ(other.get(GuestPhysicalAddress), std::nullopt) << "it is not known";
}

TEST(GuestStateArea, MsrsAreGuestState) {
    for (const auto& [index, field] : guest_state_msrs())
        EXPECT_EQ(group(field), VmcsGroup::GuestState) << name(field);
}

TEST(VmcsWords, ControlsAreTheirBits) {
    EXPECT_EQ(describe_vmcs_field(PinBasedControls, 0x16 | 1 | 8, {}),
              "NMI-exiting external-interrupt-exiting");
    EXPECT_EQ(describe_vmcs_field(PrimaryControls, 0x80000080, {}), "secondary-controls HLT-exiting");
    EXPECT_EQ(describe_vmcs_field(SecondaryControls, 0x82, {}), "unrestricted-guest EPT");
    EXPECT_EQ(describe_vmcs_field(VmExitControls, 0x8200 | 0x36dff, {}),
              "acknowledge-interrupt host-address-space-size "
              "save-debug-controls");
    EXPECT_EQ(describe_vmcs_field(VmEntryControls, 0x200, {}), "IA-32e-mode-guest");
    EXPECT_EQ(describe_vmcs_field(ExceptionBitmap, 1U << 14 | 1U << 3, {}), "#BP #PF");
}

TEST(VmcsWords, AQualificationMeansWhatTheReasonSays) {
    VmcsValues all;
    all.set(ExitReason, 30);
    EXPECT_EQ(describe_vmcs_field(ExitQualification, 0x3f80000, all), "out 0x3f8, 1 byte");
    all.set(ExitReason, 48);
    all.set(GuestPhysicalAddress, 0xfee00000);
    EXPECT_THAT(describe_vmcs_field(ExitQualification, 2, all), HasSubstr("write, gpa 0xfee00000"));
    EXPECT_EQ(describe_vmcs_field(ExitReason, 48, all), "EPT_VIOLATION");
    EXPECT_EQ(describe_vmcs_field(ExitReason, 0x80000021, all), "INVALID_STATE, the VM entry failed");
}

TEST(VmcsWords, TheRest) {
    EXPECT_EQ(describe_vmcs_field(EptPointer, 0x12301e, {}), "4-level table at 0x123000, write-back");
    EXPECT_EQ(describe_vmcs_field(EptPointer, 0x123059, {}),
              "4-level table at 0x123000, reserved memory type 1, accessed and dirty flags");
    EXPECT_EQ(describe_vmcs_field(GuestActivityState, 1, {}), "HLT");
    EXPECT_EQ(describe_vmcs_field(GuestActivityState, 4, {}), "not an activity state");
    EXPECT_EQ(describe_vmcs_field(GuestInterruptibilityState, 1, {}), "blocking-by-STI");
    EXPECT_EQ(describe_vmcs_field(IdtVectoringInformation, 0x8000030e, {}), "#PF");
    EXPECT_EQ(describe_vmcs_field(VmInstructionError, 7, {}), "VM entry with invalid control fields");
    EXPECT_EQ(describe_vmcs_field(VmEntryInterruptionInformation, 0, {}), "not valid");
    EXPECT_EQ(describe_vmcs_field(VmEntryInterruptionInformation, 0x80000306, {}), "#UD");
    EXPECT_EQ(describe_vmcs_field(VmEntryInterruptionInformation, 0x80000700, {}), "pending MTF exit");
    EXPECT_EQ(describe_vmcs_field(VmcsLinkPointer, ~std::uint64_t{0}, {}), "none");
    EXPECT_EQ(describe_vmcs_field(GuestRip, 5, {}), "");
    EXPECT_THAT(describe_vmcs_field(GuestCsAccessRights, 0xa09b, {}), HasSubstr("L"));
}

}  // namespace
}  // namespace ringside::x86
