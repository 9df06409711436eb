#include "arch/x86_64/entry_failures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arch/x86_64/opcodes.h"

namespace ringside::x86 {
namespace {

using testing::HasSubstr;

TEST(EntryFailures, VmxNamesTheExitReasonOfAFailedEntry) {
    EXPECT_THAT(describe_entry_failure(VirtualizationKind::Vmx, 0x80000021),
                HasSubstr("hardware reason 0x80000021, INVALID_STATE: the guest's registers break a rule"));
    EXPECT_THAT(describe_entry_failure(VirtualizationKind::Vmx, 0x80000022), HasSubstr("an MSR"));
    EXPECT_THAT(describe_entry_failure(VirtualizationKind::Vmx, 0x80000029), HasSubstr("a machine check"));
    EXPECT_EQ(describe_entry_failure(VirtualizationKind::Vmx, 0x8000ff00),
              "hardware reason 0x8000ff00, 0xff00 at VM entry");
}

TEST(EntryFailures, VmxNamesTheInstructionErrorOtherwise) {
    EXPECT_EQ(describe_entry_failure(VirtualizationKind::Vmx, 7),
              "hardware reason 0x7, VM-instruction error 7: VM entry with invalid control fields");
    EXPECT_EQ(describe_entry_failure(VirtualizationKind::Vmx, 26),
              "hardware reason 0x1a, VM-instruction error 26: VM entry with events blocked by MOV SS");
    EXPECT_EQ(describe_entry_failure(VirtualizationKind::Vmx, 14),
              "hardware reason 0xe, VM-instruction error 14");
}

TEST(EntryFailures, SvmNamesTheExitCodeSignExtendedOrNot) {
    EXPECT_THAT(describe_entry_failure(VirtualizationKind::Svm, 0xffffffff), HasSubstr("a rule of VMRUN"));
    EXPECT_THAT(describe_entry_failure(VirtualizationKind::Svm, ~std::uint64_t{0}),
                HasSubstr("a rule of VMRUN"));
    EXPECT_EQ(describe_entry_failure(VirtualizationKind::Svm, 0x7f), "hardware reason 0x7f, SHUTDOWN");
}

TEST(EntryFailures, EachInstructionHasItsOwnErrors) {
    EXPECT_EQ(vm_entry(kVmlaunch), VmEntry::Vmlaunch);
    EXPECT_EQ(vm_entry(kVmresume), VmEntry::Vmresume);
    EXPECT_EQ(vm_entry(kVmrun), VmEntry::Vmrun);
    for (const bool launched : {false, true}) {
        const VmEntry right = launched ? VmEntry::Vmresume : VmEntry::Vmlaunch;
        const VmEntry wrong = launched ? VmEntry::Vmlaunch : VmEntry::Vmresume;
        const std::uint64_t of_launch_state = launched ? 4 : 5;
        EXPECT_TRUE(can_fail_with(right, kInvalidControlFields, launched));
        EXPECT_TRUE(can_fail_with(right, kInvalidHostStateFields, launched));
        EXPECT_FALSE(can_fail_with(right, of_launch_state, launched));
        EXPECT_FALSE(can_fail_with(wrong, kInvalidControlFields, launched));
        EXPECT_TRUE(can_fail_with(wrong, of_launch_state, launched));
        EXPECT_TRUE(can_fail_with(wrong, 26, launched)) << "blocked by MOV SS";
        EXPECT_FALSE(can_fail_with(right, 9, launched)) << "VMPTRLD's";
        EXPECT_FALSE(can_fail_with(VmEntry::Vmrun, kInvalidControlFields, launched));
    }
}

TEST(EntryFailures, AnUnknownProcessorGetsTheNumberAlone) {
    EXPECT_EQ(describe_entry_failure(std::nullopt, 0x80000021), "hardware reason 0x80000021");
}

}  // namespace
}  // namespace ringside::x86
