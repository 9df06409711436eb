#include "vmm/debug/nested/entry_failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arch/x86_64/vmcb.h"
#include "arch/x86_64/vmcs12.h"
#include "arch/x86_64/vmcs_check.h"
#include "tests/unit/vmm/debug/nested/hypervisor_vcpu.h"

namespace ringside::debug {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using x86::VmcsField;

constexpr std::uint64_t kCarry = 1, kZero = 0x40, kNeither = 2;

class EntryFailure : public ::testing::Test {
  protected:
    EntryFailure() {
        run_hypervisor(vcpu_);
        // A processor that allows every bit.
        for (const auto& [index, member] : x86::vmx_capability_msrs())
            vcpu_.msrs[index] = 0xffffffff00000000;
    }
    void set(VmcsField field, std::uint64_t value) { x86::write_vmcs12(vcpu_.nested.image, field, value); }
    std::string text(std::uint64_t rflags, std::string_view kvm_says = {}) {
        vcpu_.registers.rflags = rflags;
        return describe_entry_failure(vcpu_, memory_, 46, kvm_says);
    }
    void set_vmcb(std::string_view name, std::uint64_t value) {
        std::vector<std::byte> image(x86::kVmcbSize);
        ASSERT_TRUE(memory_.read(Gpa{kVmcb}, image));
        x86::write_vmcb(image, x86::match_vmcb_fields(name).front(), value);
        ASSERT_TRUE(memory_.write(Gpa{kVmcb}, image));
    }
    static constexpr std::uint64_t kVmcb = 0x3000;
    machine::GuestMemory memory_ = machine::GuestMemory::create(0x8000).value();
    testing::ScriptedVcpu vcpu_;
};

TEST_F(EntryFailure, NamesTheRuleOfTheStageThatFailed) {
    set(VmcsField::VmInstructionError, 7);
    set(VmcsField::Cr3TargetCount, 5);
    EXPECT_THAT(text(kZero),
                AllOf(StartsWith("VM-instruction error 7 (VM entry with invalid control fields)"),
                      HasSubstr("CR3_TARGET_COUNT = 0x5"), HasSubstr("SDM volume 3")));
    set(VmcsField::VmInstructionError, 8);
    EXPECT_THAT(text(kZero), Not(HasSubstr("CR3_TARGET_COUNT")));
}

TEST_F(EntryFailure, TellsTheWaysOfFailingApart) {
    set(VmcsField::VmInstructionError, 4);
    EXPECT_EQ(text(kZero), "VM-instruction error 4 (VMLAUNCH with a VMCS that is not clear)");
    EXPECT_THAT(text(kCarry), HasSubstr("VMfailInvalid"));
    EXPECT_THAT(text(kNeither), HasSubstr("raised an exception"));
    set(VmcsField::ExitReason, 0x80000022);
    EXPECT_THAT(text(kNeither), StartsWith("a VM exit with reason 34"));
    vcpu_.nested.current_control.reset();
    EXPECT_THAT(text(kCarry), HasSubstr("no VMCS is current"));
}

TEST_F(EntryFailure, OfAVmcbTheRulesAreNamedAndKvmsCheck) {
    vcpu_.nested = {};
    vcpu_.nested.format = kvm::NestedState::Format::Svm;
    vcpu_.registers.rax = kVmcb;
    set_vmcb("INTERCEPTS_2", 1);
    set_vmcb("GUEST_ASID", 1);
    EXPECT_EQ(text(kNeither), "VMEXIT_INVALID. EFER = 0x0 SVME must be 1 (APM volume 2, 15.5.1)");
    set_vmcb("EFER", 0x1000);
    EXPECT_THAT(text(kNeither),
                HasSubstr("No rule that is checked here is broken by the VMCB at gpa 0x3000"));
    vcpu_.registers.rax = 0x10000000;
    EXPECT_THAT(text(kNeither), HasSubstr("The VMCB cannot be read"));
    EXPECT_THAT(text(kNeither, "!(save->efer & EFER_SVME)"), HasSubstr("check that failed: !(save->efer"));
}

TEST_F(EntryFailure, WhichLevelRunsIsKvmsAnswer) {
    EXPECT_FALSE(*runs_inner_guest(vcpu_));
    vcpu_.nested.guest_mode = true;
    EXPECT_TRUE(*runs_inner_guest(vcpu_));
}

}  // namespace
}  // namespace ringside::debug
