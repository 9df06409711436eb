#include "vmm/debug/nested/vmcs_answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include <nlohmann/json.hpp>

#include "arch/x86_64/vmcb.h"
#include "arch/x86_64/vmcs12.h"

namespace ringside::debug {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

kvm::NestedState with_vmcs() {
    kvm::NestedState state;
    state.vmxon_region = Gpa{0x5000};
    state.current_control = Gpa{0x6000};
    state.image.resize(x86::kVmcs12Size);
    std::memcpy(state.image.data(), &x86::kVmcs12Revision, sizeof x86::kVmcs12Revision);
    x86::write_vmcs12(state.image, x86::VmcsField::GuestRip, 0x100234);
    x86::write_vmcs12(state.image, x86::VmcsField::ExitReason, 10);
    x86::write_vmcs12(state.image, x86::VmcsField::GuestCsSelector, 8);
    return state;
}

std::string text(const kvm::NestedState& state, std::string_view pattern) {
    const auto answer = current_vmcs_answer(state, pattern);
    return answer ? answer->text() : answer.error().message();
}

TEST(VmcsAnswers, SayWhyThereIsNoVmcs) {
    kvm::NestedState state;
    EXPECT_THAT(text(state, ""), HasSubstr("has not executed VMXON"));
    state.vmxon_region = Gpa{0x5000};
    EXPECT_THAT(text(state, ""), HasSubstr("no VMCS is current"));
    EXPECT_THAT(text(state, ""), HasSubstr("gpa 0x5000"));
    state.current_control = Gpa{0x6000};
    EXPECT_THAT(text(state, ""), HasSubstr("does not hand out the contents"));
    state.image.resize(x86::kVmcs12Size);
    EXPECT_THAT(text(state, ""), HasSubstr("layout of revision 0x0"));
    state.format = kvm::NestedState::Format::Svm;
    EXPECT_THAT(text(state, ""), HasSubstr("`monitor vmcb`"));
}

TEST(VmcsAnswers, AFieldIsEncodingNameValueAndWords) {
    const auto state = with_vmcs();
    EXPECT_THAT(text(state, "GUEST_RIP"), HasSubstr("  0x681e  GUEST_RIP  0x0000000000100234\n"));
    EXPECT_THAT(text(state, "exit_reason"), HasSubstr("  0x4402  EXIT_REASON  0x0000000a  CPUID\n"));
    EXPECT_THAT(text(state, "0x802"), HasSubstr("  0x0802  GUEST_CS_SELECTOR  0x0008\n"));
    EXPECT_THAT(text(state, "EPTP_INDEX"), HasSubstr("KVM does not keep them: EPTP_INDEX\n"));
    EXPECT_THAT(text(state, "GUEST_RIP"), Not(HasSubstr("KVM does not keep")));
    EXPECT_THAT(text(state, "nonsense"), HasSubstr("no field's name contains \"nonsense\""));
}

TEST(VmcsAnswers, AllOfItIsInTheManualsGroups) {
    auto state = with_vmcs();
    EXPECT_THAT(text(state, ""), StartsWith("  address         0x6000\n"
                                            "  launch state    clear\n"
                                            "  this vCPU runs  the guest (L1)\n"
                                            "guest-state area:\n"));
    for (const auto* group : {"host-state area:", "control fields:", "exit-information fields:"})
        EXPECT_THAT(text(state, ""), HasSubstr(group));
    EXPECT_THAT(text(state, ""), Not(HasSubstr("VMX abort")));
    state.guest_mode = true;
    state.image[4] = std::byte{4};
    state.image[8] = std::byte{1};
    EXPECT_THAT(text(state, ""), HasSubstr("  launch state    launched\n"
                                           "  this vCPU runs  the guest's guest (L2)\n"
                                           "  VMX abort       4\n"));
}

TEST(VmcsAnswers, AnOrdinaryVcpuHasItsRegisters) {
    x86::VmcsValues registers;
    registers.set(x86::VmcsField::GuestRip, 0x1000);
    const std::string all = ordinary_vcpu_answer(registers, "", "tracefs is not mounted")->text();
    EXPECT_THAT(all, HasSubstr("has not executed VMXON"));
    EXPECT_THAT(all, HasSubstr("GUEST_RIP  0x0000000000001000"));
    EXPECT_THAT(all, HasSubstr("KVM does not tell: GUEST_ES_SELECTOR "));
    EXPECT_THAT(all, Not(HasSubstr("kvm:kvm_exit")));
    EXPECT_THAT(all, HasSubstr("The last hardware exit is not known. tracefs is not mounted"));
    EXPECT_FALSE(ordinary_vcpu_answer(registers, "nonsense", ""));
    registers.set(x86::VmcsField::ExitReason, 10);
    const std::string with_exit = ordinary_vcpu_answer(registers, "", "")->text();
    EXPECT_THAT(with_exit, HasSubstr("EXIT_REASON  0x0000000a  CPUID"));
    EXPECT_THAT(with_exit, HasSubstr("kvm:kvm_exit"));
    EXPECT_THAT(with_exit, Not(HasSubstr("is not known")));
}

TEST(VmcsAnswers, ADifferenceIsBothValues) {
    x86::VmcsValues before, now;
    before.set(x86::VmcsField::GuestRip, 0x1000);
    before.set(x86::VmcsField::GuestRsp, 0x2000);
    now = before;
    EXPECT_EQ(diff_answer(before, now).text(), "changed: none\n");
    now.set(x86::VmcsField::GuestRip, 0x1002);
    EXPECT_THAT(diff_answer(before, now).text(),
                HasSubstr("  0x681e  GUEST_RIP  0x0000000000001000  0x0000000000001002\n"));
    EXPECT_THAT(diff_answer(before, now).text(), Not(HasSubstr("GUEST_RSP")));
}

TEST(VmcsAnswers, AnUnbrokenVmcsHasItsLastFailure) {
    x86::VmcsValues vmcs;
    vmcs.set(x86::VmcsField::VmInstructionError, 7);
    EXPECT_THAT(check_answer(vmcs, {}).text(), HasSubstr("0x7 (VM entry with invalid control fields)"));
    EXPECT_THAT(check_answer(vmcs, {}).text(), HasSubstr("broken rules: none"));
    const x86::VmcsViolation broken{x86::VmcsCheckStage::Host, x86::VmcsField::HostCr0, "a rule", "27.2.2"};
    EXPECT_THAT(check_answer(vmcs, {&broken, 1}).text(), HasSubstr("HOST_CR0"));
    EXPECT_THAT(check_answer(vmcs, {&broken, 1}).text(), HasSubstr("ends with VM-instruction error 8"));
}

TEST(VmcsAnswers, OfAnOrdinaryVcpuTheRegistersAreChecked) {
    x86::VmcsValues registers;
    registers.set(x86::VmcsField::GuestFsBase, 0x900000000000);
    const x86::VmcsViolation broken{x86::VmcsCheckStage::Guest, x86::VmcsField::GuestFsBase, "a rule",
                                    "27.3.1.2"};
    const auto text = ordinary_check_answer(registers, {&broken, 1}).text();
    EXPECT_THAT(text, HasSubstr("GUEST_FS_BASE  0x0000900000000000  a rule"));
    EXPECT_THAT(text, HasSubstr("refuses to enter the guest"));
    const auto good = ordinary_check_answer(registers, {}).text();
    EXPECT_THAT(good, HasSubstr("broken rules: none"));
    EXPECT_THAT(good, Not(HasSubstr("refuses")));
    EXPECT_THAT(good, Not(HasSubstr("EXIT_REASON")));  // there is none
}

TEST(VmcsAnswers, JsonHasNumbers) {
    const auto json = nlohmann::json::parse(current_vmcs_answer(with_vmcs(), "GUEST_RIP")->json());
    EXPECT_EQ(json["address"], 0x6000);
    EXPECT_EQ(json["guest-state_area"][0]["value"], 0x100234);
}

TEST(VmcsAnswers, AVmcbIsInTwoAreas) {
    std::vector<std::byte> image(x86::kVmcbSize);
    image[0x70] = std::byte{0x72};
    const std::string all = vmcb_answer({}, image, "")->text();
    EXPECT_THAT(all, StartsWith("control area:\n"));
    EXPECT_THAT(all, HasSubstr("state-save area:\n"));
    EXPECT_THAT(vmcb_answer({}, image, "exit_code")->text(),
                HasSubstr("  0x0070  EXIT_CODE  0x0000000000000072  CPUID\n"));
    EXPECT_THAT(vmcb_answer({}, image, "nonsense").error().message(), HasSubstr("`monitor vmcb` lists all"));
    EXPECT_THAT(vmcb_answer({}, std::span(image).first(0x70), "")->text(), Not(HasSubstr("EXIT_CODE")));
}

TEST(VmcsAnswers, ADifferenceOfVmcbsIsBothValues) {
    std::vector<std::byte> before(x86::kVmcbSize), now = before;
    EXPECT_EQ(vmcb_diff_answer({}, before, now).text(), "changed: none\n");
    before[0x70] = std::byte{0x72};
    now[0x70] = std::byte{0x78};
    const auto text = vmcb_diff_answer({}, before, now).text();
    EXPECT_THAT(text, HasSubstr("  0x0070  EXIT_CODE  0x0000000000000072  0x0000000000000078  HLT\n"));
    EXPECT_THAT(text, Not(HasSubstr("RIP")));
}

TEST(VmcsAnswers, ABrokenVmcbHasItsRules) {
    const std::vector<std::byte> image(x86::kVmcbSize);
    const x86::VmcbViolation broken{x86::match_vmcb_fields("GUEST_ASID").front(), 0, "a rule", "15.5.1"};
    const std::string all = vmcb_check_answer({}, image, {&broken, 1}).text();
    EXPECT_THAT(all, HasSubstr("GUEST_ASID  0x00000000  a rule  15.5.1"));
    EXPECT_THAT(all, HasSubstr("ends with VMEXIT_INVALID"));
    const std::string good = vmcb_check_answer({}, image, {}).text();
    EXPECT_THAT(good, HasSubstr("broken rules: none"));
    EXPECT_THAT(good, Not(HasSubstr("VMEXIT_INVALID")));
}

}  // namespace
}  // namespace ringside::debug
