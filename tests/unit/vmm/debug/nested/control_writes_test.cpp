#include "vmm/debug/nested/control_writes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arch/x86_64/vmcs12.h"
#include "tests/unit/vmm/debug/nested/hypervisor_vcpu.h"

namespace ringside::debug {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using x86::VmcsField;

class VmcsWrite : public ::testing::Test {
  protected:
    VmcsWrite() { run_hypervisor(vcpu_); }
    std::string error_of(VmcsField field, std::uint64_t value) {
        const auto written = write_vmcs_field(vcpu_, field, value);
        return written ? "written" : written.error().message();
    }
    std::uint64_t value_of(VmcsField field) const {
        return x86::read_vmcs12(vcpu_.nested.image)->fields.get(field).value();
    }

    testing::ScriptedVcpu vcpu_;
};

TEST_F(VmcsWrite, ChangesTheFieldAndNothingElse) {
    const auto before = vcpu_.nested.image;
    EXPECT_EQ(error_of(VmcsField::GuestCsLimit, 0xfffff), "written");
    EXPECT_EQ(value_of(VmcsField::GuestCsLimit), 0xfffffU);
    EXPECT_EQ(error_of(VmcsField::GuestCsLimit, 0), "written");
    EXPECT_EQ(vcpu_.nested.image, before);
}

TEST_F(VmcsWrite, RefusesWhatAGuestCouldNotWrite) {
    EXPECT_THAT(error_of(VmcsField::ExitReason, 1), HasSubstr("read-only"));
    EXPECT_THAT(error_of(VmcsField::EptpIndex, 1), HasSubstr("does not keep"));
    EXPECT_THAT(error_of(VmcsField::GuestCsSelector, 0x10000), HasSubstr("fit into its 16 bits"));
    EXPECT_THAT(error_of(VmcsField::GuestCsLimit, 0x100000000), HasSubstr("fit into its 32 bits"));
}

TEST_F(VmcsWrite, RefusesWithoutAVmcsAndWhileL2Runs) {
    vcpu_.nested.guest_mode = true;
    EXPECT_THAT(error_of(VmcsField::HostRip, 1), HasSubstr("leaving L2"));
    vcpu_.nested.guest_mode = false;
    vcpu_.nested.current_control.reset();
    EXPECT_THAT(error_of(VmcsField::HostRip, 1), HasSubstr("no VMCS is current"));
}

TEST_F(VmcsWrite, PutsTheOldStateBackWhenKvmRefuses) {
    const auto before = vcpu_.nested;
    std::vector<kvm::NestedState> given;
    vcpu_.on_set_nested = [&](const kvm::NestedState& state) -> Result<void> {
        given.push_back(state);
        if (state == before)
            return {};
        return errno_failure("KVM_SET_NESTED_STATE", EINVAL);
    };
    EXPECT_THAT(error_of(VmcsField::HostRip, 1),
                AllOf(HasSubstr("Invalid argument"), HasSubstr("as it was")));
    ASSERT_EQ(given.size(), 2U);
    EXPECT_EQ(given.back(), before);
    vcpu_.on_set_nested = [](const kvm::NestedState&) -> Result<void> {
        return errno_failure("KVM_SET_NESTED_STATE", EINVAL);
    };
    EXPECT_THAT(error_of(VmcsField::HostRip, 1), HasSubstr("could not be put back"));
}

TEST_F(VmcsWrite, NoticesAValueThatKvmDidNotKeep) {
    vcpu_.on_set_nested = [](const kvm::NestedState&) -> Result<void> { return {}; };
    EXPECT_THAT(error_of(VmcsField::HostRip, 1), HasSubstr("reads 0x0 instead of 0x1"));
}

TEST(VmcbWrite, ClearsTheCleanBits) {
    std::vector<std::byte> image(x86::kVmcbSize);
    const auto field = [](std::string_view name) { return x86::match_vmcb_fields(name).front(); };
    x86::write_vmcb(image, field("CLEAN_BITS"), 0x1ff);
    ASSERT_TRUE(write_vmcb_field(image, field("CS_LIMIT"), 0xfffff));
    EXPECT_EQ(x86::read_vmcb(image, field("CS_LIMIT")), 0xfffffU);
    EXPECT_EQ(x86::read_vmcb(image, field("CLEAN_BITS")), 0U);
    EXPECT_FALSE(write_vmcb_field(image, field("CS_LIMIT"), 0x100000000));
    ASSERT_TRUE(write_vmcb_field(image, field("CLEAN_BITS"), 3));
    EXPECT_EQ(x86::read_vmcb(image, field("CLEAN_BITS")), 3U);
    x86::write_vmcb(std::span(image).first(8), field("RIP"), 1);  // beyond it: nothing
}

}  // namespace
}  // namespace ringside::debug
