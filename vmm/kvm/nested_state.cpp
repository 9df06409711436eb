#include "vmm/kvm/nested_state.h"

#include <algorithm>
#include <cstring>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/vmcb.h"
#include "arch/x86_64/vmcs12.h"
#include "arch/x86_64/vmx_controls.h"

namespace ringside::kvm {

namespace {

constexpr std::uint64_t kNoAddress = ~std::uint64_t{0};

std::optional<Gpa> address(std::uint64_t value) {
    return value == kNoAddress ? std::nullopt : std::optional(Gpa{value});
}

// For 64-bit mode: IA32_EFER is a field of the VMCS only if the controls say that it is loaded.
std::uint64_t efer(bool long_mode) {
    return long_mode ? x86::efer::kLme | x86::efer::kLma | x86::efer::kNxe : 0;
}

std::uint64_t guest_efer(const x86::VmcsValues& vmcs) {
    using enum x86::VmcsField;
    const auto controls = vmcs.get(VmEntryControls).value_or(0);
    return (controls & x86::vmx::kEntryLoadEfer) != 0 ? vmcs.get(GuestIa32Efer).value_or(0)
                                                      : efer((controls & x86::vmx::kEntryLongMode) != 0);
}

std::uint64_t host_efer(const x86::VmcsValues& vmcs) {
    using enum x86::VmcsField;
    const auto controls = vmcs.get(VmExitControls).value_or(0);
    return (controls & x86::vmx::kExitLoadEfer) != 0 ? vmcs.get(HostIa32Efer).value_or(0)
                                                     : efer((controls & x86::vmx::kExitHost64) != 0);
}

x86::InnerGuest not_known(bool running) {
    x86::InnerGuest inner;
    inner.known = inner.running = running;
    inner.tables = x86::InnerGuest::Tables::Unknown;
    return inner;
}

x86::InnerGuest inner_of_vmcs(const NestedState& state) {
    using enum x86::VmcsField;
    const auto vmcs = x86::read_vmcs12(state.image);
    if (!vmcs)
        return not_known(state.guest_mode);
    const auto field = [&](x86::VmcsField f) { return vmcs->fields.get(f).value_or(0); };
    x86::InnerGuest inner;
    inner.known = true;
    inner.running = state.guest_mode;
    const bool ept = (field(PrimaryControls) & x86::vmx::kSecondaryControls) != 0 &&
                     (field(SecondaryControls) & x86::vmx::kEnableEpt) != 0;
    inner.tables = ept ? x86::InnerGuest::Tables::Ept : x86::InnerGuest::Tables::None;
    inner.root = ept ? field(EptPointer) : 0;
    inner.other = state.guest_mode ? x86::PagingRegisters{field(HostCr0), field(HostCr3), field(HostCr4),
                                                          host_efer(vmcs->fields)}
                                   : x86::PagingRegisters{field(GuestCr0), field(GuestCr3), field(GuestCr4),
                                                          guest_efer(vmcs->fields)};
    return inner;
}

// KVM's image has L1's state where a VMCB has its guest's (Documentation/virt/kvm/api.rst, KVM_GET_NESTED_STATE).
x86::InnerGuest inner_of_vmcb(const NestedState& state) {
    if (!state.guest_mode || state.image.empty())
        return not_known(state.guest_mode);
    const auto field = [&](std::string_view name) {
        return x86::read_vmcb(state.image, x86::match_vmcb_fields(name).front()).value_or(0);
    };
    x86::InnerGuest inner;
    inner.known = inner.running = true;
    const bool nested = (field("NESTED_CONTROL") & 1) != 0;
    inner.tables = nested ? x86::InnerGuest::Tables::Nested : x86::InnerGuest::Tables::None;
    inner.root = nested ? field("N_CR3") : 0;
    inner.other = {field("CR0"), field("CR3"), field("CR4"), field("EFER")};
    return inner;
}

}  // namespace

x86::InnerGuest inner_guest(const NestedState& state) {
    x86::InnerGuest inner = state.format == NestedState::Format::Svm ? inner_of_vmcb(state)
                            : state.image.empty()                    ? not_known(state.guest_mode)
                                                                     : inner_of_vmcs(state);
    inner.control = inner.known && state.current_control ? state.current_control->value : 0;
    return inner;
}

NestedState nested_state(std::span<const std::byte> raw) {
    kvm_nested_state header{};
    if (raw.size() < sizeof header)
        return {};
    std::memcpy(&header, raw.data(), sizeof header);
    NestedState state;
    state.guest_mode = (header.flags & KVM_STATE_NESTED_GUEST_MODE) != 0;
    std::size_t size = 0;
    if (header.format == KVM_STATE_NESTED_FORMAT_SVM) {
        state.format = NestedState::Format::Svm;
        if (state.guest_mode)
            state.current_control = address(header.hdr.svm.vmcb_pa);
        size = sizeof(kvm_svm_nested_state_data);
    } else {
        state.vmxon_region = address(header.hdr.vmx.vmxon_pa);
        if (state.vmxon_region)
            state.current_control = address(header.hdr.vmx.vmcs12_pa);
        size = KVM_STATE_NESTED_VMX_VMCS_SIZE;
    }
    const auto filled = raw.first(std::clamp<std::size_t>(header.size, sizeof header, raw.size()));
    state.rest.assign(filled.begin(), filled.end());
    const auto data = filled.subspan(sizeof header);
    if (state.current_control && data.size() >= size)
        state.image.assign(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
    return state;
}

std::vector<std::byte> to_kvm(const NestedState& state) {
    std::vector<std::byte> raw = state.rest;
    raw.resize(std::max(raw.size(), sizeof(kvm_nested_state) + state.image.size()));
    std::ranges::copy(state.image, raw.begin() + sizeof(kvm_nested_state));
    return raw;
}

}  // namespace ringside::kvm
