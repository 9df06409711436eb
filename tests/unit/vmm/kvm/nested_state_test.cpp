#include "vmm/kvm/nested_state.h"

#include <gtest/gtest.h>

#include <cstring>

namespace ringside::kvm {
namespace {

constexpr std::uint64_t kNone = ~std::uint64_t{0};

// What KVM fills in: a header, then a page in which every byte is `fill`.
std::vector<std::byte> raw(kvm_nested_state header, std::byte fill = {}, std::size_t pages = 0) {
    header.size = static_cast<__u32>(sizeof header + pages * 0x1000);
    std::vector<std::byte> bytes(kNestedStateSize);
    std::memcpy(bytes.data(), &header, sizeof header);
    std::fill_n(bytes.begin() + sizeof header, pages * 0x1000, fill);
    return bytes;
}

kvm_nested_state vmx(std::uint64_t vmxon, std::uint64_t current, std::uint16_t flags = 0) {
    kvm_nested_state header{};
    header.flags = flags;
    header.format = KVM_STATE_NESTED_FORMAT_VMX;
    header.hdr.vmx.vmxon_pa = vmxon;
    header.hdr.vmx.vmcs12_pa = current;
    return header;
}

TEST(NestedState, AnOrdinaryGuestHasNothing) {
    const NestedState state = nested_state(raw(vmx(kNone, kNone)));
    EXPECT_EQ(state.format, NestedState::Format::Vmx);
    EXPECT_FALSE(state.guest_mode);
    EXPECT_FALSE(state.vmxon_region);
    EXPECT_FALSE(state.current_control);
    EXPECT_TRUE(state.image.empty());
}

TEST(NestedState, VmxonWithoutACurrentVmcs) {
    const NestedState state = nested_state(raw(vmx(0x5000, kNone)));
    EXPECT_EQ(state.vmxon_region, Gpa{0x5000});
    EXPECT_FALSE(state.current_control);
}

TEST(NestedState, ACurrentVmcsIsOnePageWithoutItsShadow) {
    const NestedState state =
        nested_state(raw(vmx(0x5000, 0x6000, KVM_STATE_NESTED_GUEST_MODE), std::byte{0x5a}, 2));
    EXPECT_TRUE(state.guest_mode);
    EXPECT_EQ(state.current_control, Gpa{0x6000});
    EXPECT_EQ(state.image, std::vector<std::byte>(0x1000, std::byte{0x5a}));
}

TEST(NestedState, AnImageThatKvmDidNotFillInIsNotShown) {
    EXPECT_TRUE(nested_state(raw(vmx(0x5000, 0x6000))).image.empty());
}

TEST(NestedState, SvmNamesTheVmcbOnlyWhileItsGuestRuns) {
    kvm_nested_state header{};
    header.format = KVM_STATE_NESTED_FORMAT_SVM;
    header.flags = KVM_STATE_NESTED_GIF_SET;
    header.hdr.svm.vmcb_pa = 0;
    EXPECT_FALSE(nested_state(raw(header)).current_control);
    header.flags |= KVM_STATE_NESTED_GUEST_MODE;
    header.hdr.svm.vmcb_pa = 0x7000;
    const NestedState state = nested_state(raw(header, std::byte{1}, 1));
    EXPECT_EQ(state.format, NestedState::Format::Svm);
    EXPECT_EQ(state.current_control, Gpa{0x7000});
    EXPECT_EQ(state.image.size(), 0x1000U);
    EXPECT_FALSE(state.vmxon_region);
}

TEST(NestedState, BytesThatAreTooFewAreNoState) {
    EXPECT_EQ(nested_state({}), NestedState{});
}

}  // namespace
}  // namespace ringside::kvm
