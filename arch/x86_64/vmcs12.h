// The layout in which KVM keeps the VMCS of a guest hypervisor, and in which KVM_GET_NESTED_STATE returns it. It is
// KVM's own; KVM promises to change the revision when the layout changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <tl/expected.hpp>

#include "arch/x86_64/vmcs_fields.h"

namespace ringside::x86 {

inline constexpr std::uint32_t kVmcs12Revision = 0x11e57ed0;
inline constexpr std::size_t kVmcs12Size = 0x1000;

struct Vmcs12 {
    std::uint32_t abort = 0;  // the VMX-abort indicator
    bool launched = false;    // by VMLAUNCH; cleared by VMCLEAR
    VmcsValues fields;        // those that KVM keeps
};

// An error describes what is wrong with the image: too short, or of another revision.
tl::expected<Vmcs12, std::string> read_vmcs12(std::span<const std::byte> image);

// Returns the offset at which KVM keeps a field; nullopt if it keeps none.
std::optional<std::size_t> vmcs12_offset(VmcsField field);
// Stores a field in an image that read_vmcs12() accepts. Returns false if KVM does not keep the field.
bool write_vmcs12(std::span<std::byte> image, VmcsField field, std::uint64_t value);

}  // namespace ringside::x86
