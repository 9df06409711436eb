// A VMCS with which VM entry succeeds, and one rule broken at a time.
#include "arch/x86_64/vmcs_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/vmcs_of_state.h"

namespace ringside::x86 {
namespace {

using enum VmcsField;
using Stage = VmcsCheckStage;
using testing::IsEmpty;

constexpr std::uint64_t kNotCanonical = 0x0000900000000000;
constexpr std::uint64_t allowed(std::uint64_t must, std::uint64_t may) {
    return may << 32 | must;
}

VmxCapabilities processor() {
    VmxCapabilities cpu;
    cpu.pin_based = allowed(0x16, 0x7f);
    cpu.primary = allowed(0x4006172, 0xfff9fffe);
    cpu.secondary = allowed(0, 0x7cff);
    cpu.vm_exit = allowed(0x36dfb, 0x7fffff);
    cpu.vm_entry = allowed(0x11fb, 0xffff);
    cpu.cr0_fixed0 = 0x80000021, cpu.cr0_fixed1 = 0xffffffff;
    cpu.cr4_fixed0 = 0x2000, cpu.cr4_fixed1 = 0x1727ff;
    cpu.misc = 0x1c0;       // HLT, shutdown, wait-for-SIPI
    cpu.ept_vpid = 0x4140;  // four levels, uncacheable, write-back
    cpu.physical_address_bits = 40;
    return cpu;
}

// A 64-bit guest with EPT, of a 64-bit host.
VmcsValues good() {
    VmcsValues v;
    for (const VmcsField field : vmcs_fields())
        v.set(field, 0);
    v.set(PinBasedControls, 0x16);
    v.set(PrimaryControls, 0x4006172 | 1U << 31 | 1U << 7);
    v.set(SecondaryControls, 2);
    v.set(VmExitControls, 0x36dfb | 1U << 9 | 1U << 20 | 1U << 21);
    v.set(VmEntryControls, 0x11fb | 1U << 9 | 1U << 15);
    v.set(EptPointer, 0x10001e);
    v.set(VmcsLinkPointer, ~std::uint64_t{0});
    v.set(HostCr0, 0x80010031), v.set(HostCr3, 0x5000), v.set(HostCr4, 0x2020);
    v.set(HostIa32Efer, 0x500);
    v.set(HostCsSelector, 8), v.set(HostSsSelector, 0x10), v.set(HostTrSelector, 0x30);
    v.set(HostRip, 0x101000);
    v.set(GuestCr0, 0x80010031), v.set(GuestCr3, 0x1000), v.set(GuestCr4, 0x2020);
    v.set(GuestIa32Efer, 0x500);
    v.set(GuestRflags, 2), v.set(GuestRip, 0x40000000), v.set(GuestDr7, 0x400);
    v.set(GuestCsSelector, 8), v.set(GuestCsLimit, 0xffffffff), v.set(GuestCsAccessRights, 0xa09b);
    for (const auto& [limit, rights] : {std::pair{GuestSsLimit, GuestSsAccessRights},
                                        {GuestDsLimit, GuestDsAccessRights},
                                        {GuestEsLimit, GuestEsAccessRights}})
        v.set(limit, 0xffffffff), v.set(rights, 0xc093);
    for (const VmcsField unusable : {GuestFsAccessRights, GuestGsAccessRights, GuestLdtrAccessRights})
        v.set(unusable, 0x10000);
    v.set(GuestTrLimit, 0x67), v.set(GuestTrAccessRights, 0x8b);
    return v;
}

TEST(VmcsCheck, AGoodVmcsBreaksNoRule) {
    for (const VmcsViolation& broken : check_vmcs(good(), processor()))
        ADD_FAILURE() << name(broken.field) << ' ' << broken.rule;
}

TEST(VmcsCheck, WhatIsNotKnownBreaksNoRule) {
    EXPECT_THAT(check_vmcs({}, processor()), IsEmpty());
}

struct Broken {
    std::string_view what;
    Stage stage;
    VmcsField reported;
    std::vector<std::pair<VmcsField, std::uint64_t>> changes;
};

class BrokenVmcs : public testing::TestWithParam<Broken> {};

TEST_P(BrokenVmcs, IsReportedWithItsFieldAndStage) {
    VmcsValues vmcs = good();
    for (const auto& [field, value] : GetParam().changes)
        vmcs.set(field, value);
    const auto found = check_vmcs(vmcs, processor());
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found.front().stage, GetParam().stage);
    EXPECT_EQ(name(found.front().field), name(GetParam().reported)) << found.front().rule;
    EXPECT_FALSE(found.front().rule.empty());
    EXPECT_TRUE(found.front().section.starts_with(GetParam().stage == Stage::Guest ? "27.3" : "27.2"));
}

constexpr std::uint64_t kPrimary = 0x4006172 | 1U << 31 | 1U << 7, kExit = 0x36dfb | 1U << 9,
                        kEntry = 0x11fb | 1U << 9;

INSTANTIATE_TEST_SUITE_P(
    All, BrokenVmcs,
    testing::Values(
        Broken{"PinMust", Stage::Controls, PinBasedControls, {{PinBasedControls, 0x14}}},
        Broken{"PinMay", Stage::Controls, PinBasedControls, {{PinBasedControls, 0x80000016}}},
        Broken{"VirtualNmis", Stage::Controls, PinBasedControls, {{PinBasedControls, 0x36}}},
        Broken{"NmiWindow", Stage::Controls, PrimaryControls, {{PrimaryControls, kPrimary | 1U << 22}}},
        Broken{"Cr3Targets", Stage::Controls, Cr3TargetCount, {{Cr3TargetCount, 5}}},
        Broken{"IoBitmap",
               Stage::Controls,
               IoBitmapB,
               {{PrimaryControls, kPrimary | 1U << 25}, {IoBitmapB, 0x10}}},
        Broken{"MsrBitmap",
               Stage::Controls,
               MsrBitmaps,
               {{PrimaryControls, kPrimary | 1U << 28}, {MsrBitmaps, std::uint64_t{1} << 40}}},
        Broken{"TprThreshold",
               Stage::Controls,
               TprThreshold,
               {{PrimaryControls, kPrimary | 1U << 21}, {TprThreshold, 0x10}}},
        Broken{"X2apicWithoutShadow", Stage::Controls, SecondaryControls, {{SecondaryControls, 0x12}}},
        Broken{"ApicAccess",
               Stage::Controls,
               ApicAccessAddress,
               {{SecondaryControls, 3}, {ApicAccessAddress, 1}}},
        Broken{"Vpid", Stage::Controls, Vpid, {{SecondaryControls, 0x22}}},
        Broken{"UnrestrictedWithoutEpt", Stage::Controls, SecondaryControls, {{SecondaryControls, 0x80}}},
        Broken{"EptType", Stage::Controls, EptPointer, {{EptPointer, 0x100019}}},
        Broken{"EptLevels", Stage::Controls, EptPointer, {{EptPointer, 0x100026}}},
        Broken{"EptFlags", Stage::Controls, EptPointer, {{EptPointer, 0x10005e}}},
        Broken{"EptReserved", Stage::Controls, EptPointer, {{EptPointer, 0x10081e}}},
        Broken{"SaveTimer", Stage::Controls, VmExitControls, {{VmExitControls, kExit | 1U << 22}}},
        Broken{"ExitMsrs",
               Stage::Controls,
               VmExitMsrLoadAddress,
               {{VmExitMsrLoadCount, 1}, {VmExitMsrLoadAddress, 8}}},
        Broken{"EntryToSmm", Stage::Controls, VmEntryControls, {{VmEntryControls, kEntry | 1U << 10}}},
        Broken{"EventType",
               Stage::Controls,
               VmEntryInterruptionInformation,
               {{VmEntryInterruptionInformation, 0x80000100}}},
        Broken{"NmiVector",
               Stage::Controls,
               VmEntryInterruptionInformation,
               {{VmEntryInterruptionInformation, 0x80000203}}},
        Broken{"ErrorCodeOfNone",
               Stage::Controls,
               VmEntryInterruptionInformation,
               {{VmEntryInterruptionInformation, 0x80000b06}}},
        Broken{"NoErrorCode",
               Stage::Controls,
               VmEntryInterruptionInformation,
               {{VmEntryInterruptionInformation, 0x8000030d}}},
        Broken{"ErrorCode",
               Stage::Controls,
               VmEntryExceptionErrorCode,
               {{VmEntryInterruptionInformation, 0x80000b0d}, {VmEntryExceptionErrorCode, 0x8000}}},
        Broken{"Length",
               Stage::Controls,
               VmEntryInstructionLength,
               {{VmEntryInterruptionInformation, 0x80000480}}},
        Broken{"HostCr0", Stage::Host, HostCr0, {{HostCr0, 0x80010011}}},
        Broken{"HostCr4", Stage::Host, HostCr4, {{HostCr4, 0x20}}},
        Broken{"HostCr3", Stage::Host, HostCr3, {{HostCr3, std::uint64_t{1} << 40}}},
        Broken{
            "HostPat", Stage::Host, HostIa32Pat, {{VmExitControls, kExit | 1U << 19}, {HostIa32Pat, 0x0200}}},
        Broken{"HostEfer", Stage::Host, HostIa32Efer, {{HostIa32Efer, 0x100}}},
        Broken{"HostCs", Stage::Host, HostCsSelector, {{HostCsSelector, 0}}},
        Broken{"HostRpl", Stage::Host, HostSsSelector, {{HostSsSelector, 0x13}}},
        Broken{"HostTr", Stage::Host, HostTrSelector, {{HostTrSelector, 0}}},
        Broken{"HostBase", Stage::Host, HostGsBase, {{HostGsBase, kNotCanonical}}},
        Broken{"HostRip", Stage::Host, HostRip, {{HostRip, kNotCanonical}}},
        Broken{"HostPae", Stage::Host, HostCr4, {{HostCr4, 0x2000}}},
        Broken{"Pg", Stage::Guest, GuestCr0, {{GuestCr0, 0x80000020}}},
        Broken{"GuestPae", Stage::Guest, GuestCr4, {{GuestCr4, 0x2000}}},
        Broken{"GuestEfer", Stage::Guest, GuestIa32Efer, {{GuestIa32Efer, 0x100}}},
        Broken{"GuestDr7",
               Stage::Guest,
               GuestDr7,
               {{VmEntryControls, kEntry | 4 | 1U << 15}, {GuestDr7, std::uint64_t{1} << 32}}},
        Broken{"GuestPat",
               Stage::Guest,
               GuestIa32Pat,
               {{VmEntryControls, kEntry | 1U << 14 | 1U << 15}, {GuestIa32Pat, 3}}},
        Broken{"SysenterEip", Stage::Guest, GuestIa32SysenterEip, {{GuestIa32SysenterEip, kNotCanonical}}},
        Broken{"TrTi", Stage::Guest, GuestTrSelector, {{GuestTrSelector, 4}}},
        Broken{"CsType", Stage::Guest, GuestCsAccessRights, {{GuestCsAccessRights, 0xa093}}},
        Broken{"CsDpl", Stage::Guest, GuestCsAccessRights, {{GuestCsAccessRights, 0xa0fb}}},
        Broken{"CsLAndD", Stage::Guest, GuestCsAccessRights, {{GuestCsAccessRights, 0xe09b}}},
        Broken{"CsLimit", Stage::Guest, GuestCsLimit, {{GuestCsLimit, 0xffff0000}}},
        Broken{"CsByteLimit", Stage::Guest, GuestCsLimit, {{GuestCsAccessRights, 0x209b}}},
        Broken{"SsRpl", Stage::Guest, GuestSsSelector, {{GuestSsSelector, 3}}},
        Broken{"SsType", Stage::Guest, GuestSsAccessRights, {{GuestSsAccessRights, 0xc091}}},
        Broken{"DsAccessed", Stage::Guest, GuestDsAccessRights, {{GuestDsAccessRights, 0xc092}}},
        Broken{"DsReserved", Stage::Guest, GuestDsAccessRights, {{GuestDsAccessRights, 0xc193}}},
        Broken{"DsBase", Stage::Guest, GuestDsBase, {{GuestDsBase, std::uint64_t{1} << 32}}},
        Broken{"TrType", Stage::Guest, GuestTrAccessRights, {{GuestTrAccessRights, 0x83}}},
        Broken{"TrUnusable", Stage::Guest, GuestTrAccessRights, {{GuestTrAccessRights, 0x1008b}}},
        Broken{"LdtrType", Stage::Guest, GuestLdtrAccessRights, {{GuestLdtrAccessRights, 0x83}}},
        Broken{"GdtrLimit", Stage::Guest, GuestGdtrLimit, {{GuestGdtrLimit, 0x10000}}},
        Broken{"IdtrBase", Stage::Guest, GuestIdtrBase, {{GuestIdtrBase, kNotCanonical}}},
        Broken{"Rip", Stage::Guest, GuestRip, {{GuestRip, kNotCanonical}}},
        Broken{"Rflags", Stage::Guest, GuestRflags, {{GuestRflags, 0}}},
        Broken{"RflagsReserved", Stage::Guest, GuestRflags, {{GuestRflags, 0x400002}}},
        Broken{"InjectWithoutIf", Stage::Guest, GuestRflags, {{VmEntryInterruptionInformation, 0x80000020}}},
        Broken{"Activity", Stage::Guest, GuestActivityState, {{GuestActivityState, 4}}},
        Broken{"StiAndMovSs",
               Stage::Guest,
               GuestInterruptibilityState,
               {{GuestRflags, 0x202}, {GuestInterruptibilityState, 3}}},
        Broken{"StiWithoutIf", Stage::Guest, GuestInterruptibilityState, {{GuestInterruptibilityState, 1}}},
        Broken{"Smi", Stage::Guest, GuestInterruptibilityState, {{GuestInterruptibilityState, 4}}},
        Broken{"Pending", Stage::Guest, GuestPendingDebugExceptions, {{GuestPendingDebugExceptions, 0x10}}},
        Broken{"LinkPointer", Stage::Guest, VmcsLinkPointer, {{VmcsLinkPointer, 8}}}),
    [](const auto& instance) { return std::string(instance.param.what); });

TEST(VmcsCheck, Virtual8086SegmentsHaveOneFormEach) {
    VmcsValues vmcs = good();
    vmcs.set(VmEntryControls, 0x11fb | 1U << 15);
    vmcs.set(GuestIa32Efer, 0);
    vmcs.set(GuestRflags, 0x20002);
    vmcs.set(GuestRip, 0x100);
    for (const auto& [selector, base, limit, rights] :
         {std::tuple{GuestCsSelector, GuestCsBase, GuestCsLimit, GuestCsAccessRights},
          {GuestSsSelector, GuestSsBase, GuestSsLimit, GuestSsAccessRights},
          {GuestDsSelector, GuestDsBase, GuestDsLimit, GuestDsAccessRights},
          {GuestEsSelector, GuestEsBase, GuestEsLimit, GuestEsAccessRights},
          {GuestFsSelector, GuestFsBase, GuestFsLimit, GuestFsAccessRights},
          {GuestGsSelector, GuestGsBase, GuestGsLimit, GuestGsAccessRights}}) {
        vmcs.set(selector, 0x1000), vmcs.set(base, 0x10000), vmcs.set(limit, 0xffff), vmcs.set(rights, 0xf3);
    }
    EXPECT_THAT(check_vmcs(vmcs, processor()), IsEmpty());
    vmcs.set(GuestDsBase, 0x10010);
    const auto found = check_vmcs(vmcs, processor());
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found.front().field, GuestDsBase);
}

TEST(VmcsCheck, AnUnrestrictedGuestMayRunWithoutProtection) {
    VmcsValues vmcs = good();
    vmcs.set(SecondaryControls, 0x82);
    vmcs.set(VmEntryControls, 0x11fb | 1U << 15);
    vmcs.set(GuestIa32Efer, 0);
    vmcs.set(GuestCr0, 0x20);
    vmcs.set(GuestRip, 0xfff0);
    vmcs.set(GuestCsAccessRights, 0x8093);
    EXPECT_THAT(check_vmcs(vmcs, processor()), IsEmpty());
    vmcs.set(SecondaryControls, 2);
    EXPECT_FALSE(check_vmcs(vmcs, processor()).empty());
}

// ---- The registers of an ordinary vCPU

struct BrokenState {
    std::string_view what;
    VmcsField reported;
    std::function<void(GeneralRegisters&, SystemRegisters&)> breaks;
};

VmcsValues state_with(const std::function<void(GeneralRegisters&, SystemRegisters&)>& change) {
    GeneralRegisters general;
    general.rflags = rflags::kReserved1, general.rip = 0xffffffff81000000;
    SystemRegisters system;
    system.cr0 = 0x80000011, system.cr4 = 0x20, system.efer = 0x500;
    Segment flat;
    flat.limit = 0xffffffff, flat.type = 2, flat.s = flat.present = flat.g = flat.db = 1;
    system.ss = system.ds = system.es = system.fs = system.gs = flat;
    system.cs = flat;
    system.cs.type = 11, system.cs.db = 0, system.cs.l = 1;
    system.tr.type = 11, system.tr.present = 1, system.tr.limit = 0x67;
    change(general, system);
    return guest_state_area(general, system, {});
}

class BrokenGuestState : public testing::TestWithParam<BrokenState> {};

TEST_P(BrokenGuestState, IsReportedWithItsField) {
    const auto found = check_guest_state(state_with(GetParam().breaks));
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(name(found.front().field), name(GetParam().reported)) << found.front().rule;
    EXPECT_EQ(found.front().stage, Stage::Guest);
}

INSTANTIATE_TEST_SUITE_P(
    All, BrokenGuestState,
    testing::Values(BrokenState{"FsBase", GuestFsBase, [](auto&, auto& s) { s.fs.base = kNotCanonical; }},
                    BrokenState{"ReservedFlag", GuestRflags, [](auto& g, auto&) { g.rflags |= 1U << 3; }},
                    BrokenState{"Rip", GuestRip, [](auto& g, auto&) { g.rip = kNotCanonical; }},
                    BrokenState{"LongAndBig", GuestCsAccessRights, [](auto&, auto& s) { s.cs.db = 1; }},
                    BrokenState{"NotBusy", GuestTrAccessRights, [](auto&, auto& s) { s.tr.type = 9; }},
                    BrokenState{"NoPaging", GuestCr0, [](auto&, auto& s) { s.cr0 = 0x11; }},
                    BrokenState{"GdtrBase", GuestGdtrBase,
                                [](auto&, auto& s) { s.gdtr.base = kNotCanonical; }}),
    [](const auto& test) { return std::string(test.param.what); });

// In each of these states KVM runs a vCPU: a data segment that was not accessed, segments that are not present, real mode.
TEST(GuestState, AVcpuThatRunsBreaksNoRule) {
    auto halted = state_with([](auto&, auto&) {});
    halted.set(GuestActivityState, 1);
    EXPECT_THAT(check_guest_state(halted), IsEmpty());
    EXPECT_THAT(check_guest_state(state_with([](auto&, auto&) {})), IsEmpty());
    EXPECT_THAT(check_guest_state(state_with([](auto&, auto& s) { s.ds = s.es = s.ldtr = {}; })), IsEmpty());
    EXPECT_THAT(check_guest_state(state_with([](auto& g, auto& s) {
                    g.rip = 0xfff0;
                    s.cr0 = 0x60000010, s.cr4 = 0, s.efer = 0;
                    Segment real;
                    real.limit = 0xffff, real.type = 3, real.s = real.present = 1;
                    s.cs = s.ss = s.ds = s.es = s.fs = s.gs = real;
                    s.cs.type = 11, s.cs.selector = 0xf000, s.cs.base = 0xffff0000;
                })),
                IsEmpty());
}

TEST(GuestState, AnStiBlocksOnlyWhileInterruptsAreEnabled) {
    auto fields = state_with([](auto&, auto&) {});
    fields.set(GuestInterruptibilityState, 1);
    const auto found = check_guest_state(fields);
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(name(found.front().field), "GUEST_INTERRUPTIBILITY_STATE");
}

}  // namespace
}  // namespace ringside::x86
