#include "vmm/kvm/nested_state.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "arch/x86_64/vmcs12.h"
#include "vmm/kvm/nested_step.h"

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

NestedState with_vmcs() {
    using enum x86::VmcsField;
    NestedState state;
    state.image.resize(x86::kVmcs12Size);
    std::memcpy(state.image.data(), &x86::kVmcs12Revision, sizeof x86::kVmcs12Revision);
    for (const auto& [field, value] : std::map<x86::VmcsField, std::uint64_t>{{PrimaryControls, 0x80000000},
                                                                              {SecondaryControls, 2},
                                                                              {EptPointer, 0x12301e},
                                                                              {VmExitControls, 0x200},
                                                                              {VmEntryControls, 0x8000},
                                                                              {HostCr3, 0x5000},
                                                                              {GuestCr3, 0x1000},
                                                                              {GuestIa32Efer, 0x501}})
        x86::write_vmcs12(state.image, field, value);
    return state;
}

TEST(InnerGuest, OfAVmcsBeforeItRuns) {
    const x86::InnerGuest inner = inner_guest(with_vmcs());
    EXPECT_TRUE(inner.known);
    EXPECT_FALSE(inner.running);
    EXPECT_EQ(inner.tables, x86::InnerGuest::Tables::Ept);
    EXPECT_EQ(inner.root, 0x12301eU);
    EXPECT_EQ(inner.other.cr3, 0x1000U);
    EXPECT_EQ(inner.other.efer, 0x501U);
}

TEST(InnerGuest, WhileItRunsTheOtherRegistersAreL1s) {
    NestedState state = with_vmcs();
    state.guest_mode = true;
    const x86::InnerGuest inner = inner_guest(state);
    EXPECT_TRUE(inner.running);
    EXPECT_EQ(inner.other.cr3, 0x5000U);
    EXPECT_EQ(inner.other.efer, 0xd00U);  // not a field, so what 64-bit mode needs
}

TEST(InnerGuest, WithoutSecondaryControlsThereIsNoSecondLevel) {
    NestedState state = with_vmcs();
    x86::write_vmcs12(state.image, x86::VmcsField::PrimaryControls, 0);
    EXPECT_EQ(inner_guest(state).tables, x86::InnerGuest::Tables::None);
}

TEST(InnerGuest, OfWhichNothingIsKnownHasUnknownTables) {
    EXPECT_FALSE(inner_guest({}).known);
    NestedState state = with_vmcs();
    state.guest_mode = true;
    state.image[0] = std::byte{0};  // another revision
    EXPECT_TRUE(inner_guest(state).running);
    EXPECT_EQ(inner_guest(state).tables, x86::InnerGuest::Tables::Unknown);
}

std::uint64_t field(const NestedState& state, x86::VmcsField field) {
    return x86::read_vmcs12(state.image)->fields.get(field).value_or(0);
}

TEST(NestedState, TheFlagsOfASteppedInnerGuestAreItsOwn) {
    using enum x86::VmcsField;
    constexpr std::uint64_t kTf = 0x100, kPendingStep = 0x4000;
    NestedState state = with_vmcs();
    x86::write_vmcs12(state.image, GuestRflags, 0x102);
    x86::write_vmcs12(state.image, GuestPendingDebugExceptions, kPendingStep | 1);
    EXPECT_FALSE(may_show_single_step(state));  // it does not run: its VMCS has what L1 wrote
    state.guest_mode = true;
    ASSERT_TRUE(may_show_single_step(state));
    hide_single_step(state, 0x2 | kTf);  // its own TF
    EXPECT_EQ(field(state, GuestRflags), 0x102U);
    hide_single_step(state, 0x2);
    EXPECT_EQ(field(state, GuestRflags), 0x2U);
    EXPECT_EQ(field(state, GuestPendingDebugExceptions), 1U);
    EXPECT_FALSE(may_show_single_step(state));
}

TEST(InnerGuest, OfAVmcb) {
    NestedState state;
    state.format = NestedState::Format::Svm;
    EXPECT_FALSE(inner_guest(state).known);
    state.guest_mode = true;
    state.image.resize(0x1000);
    state.image[0x90] = std::byte{1};      // nested paging
    state.image[0xb1] = std::byte{0x70};   // its CR3
    state.image[0x551] = std::byte{0x50};  // L1's CR3
    const x86::InnerGuest inner = inner_guest(state);
    EXPECT_TRUE(inner.running);
    EXPECT_EQ(inner.tables, x86::InnerGuest::Tables::Nested);
    EXPECT_EQ(inner.root, 0x7000U);
    EXPECT_EQ(inner.other.cr3, 0x5000U);
}

TEST(NestedState, BytesThatAreTooFewAreNoState) {
    EXPECT_EQ(nested_state({}), NestedState{});
}

}  // namespace
}  // namespace ringside::kvm
