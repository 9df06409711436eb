#include "vmm/kvm/nested_state.h"

#include <algorithm>
#include <cstring>

namespace ringside::kvm {

namespace {

constexpr std::uint64_t kNoAddress = ~std::uint64_t{0};

std::optional<Gpa> address(std::uint64_t value) {
    return value == kNoAddress ? std::nullopt : std::optional(Gpa{value});
}

}  // namespace

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
    const auto filled = raw.first(std::min<std::size_t>(raw.size(), header.size)).subspan(sizeof header);
    if (state.current_control && filled.size() >= size)
        state.image.assign(filled.begin(), filled.begin() + static_cast<std::ptrdiff_t>(size));
    return state;
}

}  // namespace ringside::kvm
