// A vCPU's events: what is pending, and how one is added or dropped without losing another.

#include "vmm/kvm/vcpu_events.h"

#include <gtest/gtest.h>

#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/vmx_events.h"
#include "tests/support/scripted_vcpu.h"

namespace ringside::kvm {
namespace {

using ringside::testing::ScriptedVcpu;

constexpr std::uint8_t kPageFault = number(x86::ExceptionVector::PageFault);
constexpr std::uint8_t kDebug = number(x86::ExceptionVector::Debug);

TEST(InjectException, IsPendingWithItsErrorCode) {
    ScriptedVcpu vcpu;
    EXPECT_EQ(pending_exception(vcpu)->has_value(), false);
    ASSERT_TRUE(inject_exception(vcpu, kPageFault, 2));
    const auto exception = pending_exception(vcpu);
    ASSERT_TRUE(exception && *exception);
    EXPECT_EQ((*exception)->vector, kPageFault);
    EXPECT_EQ((*exception)->error_code, 2U);
    EXPECT_FALSE(debug_exception_is_pending(vcpu));
    ASSERT_TRUE(inject_exception(vcpu, kDebug));
    EXPECT_FALSE((*pending_exception(vcpu))->error_code);
    EXPECT_TRUE(debug_exception_is_pending(vcpu));
}

TEST(InjectNmi, ASecondOneWaitsForTheFirst) {
    ScriptedVcpu vcpu;
    EXPECT_EQ(inject_nmi(vcpu), true);
    EXPECT_EQ(vcpu.pending.nmi.pending, 1);
    EXPECT_TRUE(vcpu.pending.flags & KVM_VCPUEVENT_VALID_NMI_PENDING);
    EXPECT_EQ(inject_nmi(vcpu), false);
}

TEST(DropException, TakesNoNmiWithIt) {
    ScriptedVcpu vcpu;
    ASSERT_TRUE(inject_exception(vcpu, kPageFault, 2));
    vcpu.pending.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;  // as KVM_GET_VCPU_EVENTS sets it
    ASSERT_TRUE(drop_exception(vcpu));
    EXPECT_EQ(pending_exception(vcpu)->has_value(), false);
    EXPECT_FALSE(vcpu.pending.flags & KVM_VCPUEVENT_VALID_NMI_PENDING)
        << "an NMI that came since would be lost";
}

TEST(Halt, EndsTheShadowOfSti) {
    ScriptedVcpu vcpu;
    vcpu.pending.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
    ASSERT_TRUE(halt(vcpu));
    EXPECT_EQ(activity(vcpu), Activity::Halted);
    EXPECT_EQ(vcpu.pending.interrupt.shadow, 0);
    EXPECT_TRUE(vcpu.pending.flags & KVM_VCPUEVENT_VALID_SHADOW);
    ASSERT_TRUE(undo_halt(vcpu, x86::InterruptShadow::MovSs));
    EXPECT_EQ(activity(vcpu), Activity::Executing);
    EXPECT_EQ(vcpu.pending.interrupt.shadow, KVM_X86_SHADOW_INT_MOV_SS);
}

TEST(Interruptibility, HasEachBlockOfTheVmcs) {
    using namespace x86::vmx;
    ScriptedVcpu vcpu;
    EXPECT_EQ(interruptibility(vcpu), 0U);
    vcpu.pending.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
    EXPECT_EQ(interruptibility(vcpu), kBlockedBySti);
    vcpu.pending.interrupt.shadow = KVM_X86_SHADOW_INT_MOV_SS;
    vcpu.pending.nmi.masked = 1;
    vcpu.pending.smi.smm = 1;
    EXPECT_EQ(interruptibility(vcpu), kBlockedByMovSs | kBlockedByNmi | kBlockedBySmi);
    ASSERT_TRUE(clear_events(vcpu));
    EXPECT_EQ(interruptibility(vcpu), 0U);
}

TEST(LastExit, IsOfOneKind) {
    ScriptedVcpu vcpu;
    kvm_run& run = vcpu.shared();
    run.exit_reason = KVM_EXIT_HLT;
    EXPECT_TRUE(is_halt_exit(vcpu));
    EXPECT_FALSE(is_debug_exit(vcpu) || is_emulation_failure(vcpu) || is_msr_read(vcpu, 0) ||
                 entry_failure(vcpu));
    run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
    run.internal.suberror = KVM_INTERNAL_ERROR_SIMUL_EX;
    EXPECT_FALSE(is_emulation_failure(vcpu));
    run.internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
    EXPECT_TRUE(is_emulation_failure(vcpu));
    run.exit_reason = KVM_EXIT_X86_RDMSR;
    run.msr.index = 0x10;
    EXPECT_TRUE(is_msr_read(vcpu, 0x10));
    EXPECT_FALSE(is_msr_read(vcpu, 0x11));
    run.exit_reason = KVM_EXIT_FAIL_ENTRY;
    run.fail_entry.hardware_entry_failure_reason = 0x80000021;
    EXPECT_EQ(entry_failure(vcpu), 0x80000021U);
}

}  // namespace
}  // namespace ringside::kvm
