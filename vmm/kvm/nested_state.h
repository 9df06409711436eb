// KVM's state of a guest that is itself a hypervisor: KVM_GET_NESTED_STATE as a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "vmm/base/ids.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::kvm {

// The largest state that KVM has: the header and two pages of VMX.
inline constexpr std::size_t kNestedStateSize = sizeof(kvm_nested_state) + sizeof(kvm_vmx_nested_state_data);

struct NestedState {
    enum class Format : std::uint8_t { Vmx, Svm };
    Format format = Format::Vmx;
    // The vCPU runs the guest of the guest (L2), or would at its next entry.
    bool guest_mode = false;
    std::optional<Gpa> vmxon_region;     // VMX: set between VMXON and VMXOFF
    std::optional<Gpa> current_control;  // the current VMCS; SVM: the VMCB of the guest that runs
    std::vector<std::byte> image;        // KVM's copy of that VMCS or VMCB; empty if there is none
    std::vector<std::byte> rest;         // everything else that KVM_SET_NESTED_STATE needs

    friend bool operator==(const NestedState&, const NestedState&) = default;
};

// The inner guest (L2) in it: its paging registers, or L1's, and the tables behind its physical addresses.
x86::InnerGuest inner_guest(const NestedState& state);

// From the bytes that KVM_GET_NESTED_STATE filled in.
NestedState nested_state(std::span<const std::byte> raw);
// The bytes for KVM_SET_NESTED_STATE: those from which the state was made, with `image` in place.
std::vector<std::byte> to_kvm(const NestedState& state);

}  // namespace ringside::kvm
