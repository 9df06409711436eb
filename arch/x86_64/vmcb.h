// The virtual-machine control block: where its fields are and what they mean (APM volume 2, appendix B).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringside::x86 {

inline constexpr std::size_t kVmcbSize = 0x1000;
inline constexpr std::size_t kVmcbControlSize = 0x400;  // the state-save area follows

struct VmcbField {
    std::uint16_t offset = 0;
    std::uint8_t bytes = 8;
    std::string_view name;  // "EXIT_CODE", "CR3", "CS_ATTRIBUTES"

    bool is_control() const { return offset < kVmcbControlSize; }
};

// Every field, by ascending offset.
std::span<const VmcbField> vmcb_fields();
// The field with this name, in upper or lower case, or at this offset ("0x070"); otherwise all whose names
// contain `text`.
std::vector<VmcbField> match_vmcb_fields(std::string_view text);
// Returns nullopt for a field beyond the image.
std::optional<std::uint64_t> read_vmcb(std::span<const std::byte> image, const VmcbField& field);
// Does nothing for a field beyond the image.
void write_vmcb(std::span<std::byte> image, const VmcbField& field, std::uint64_t value);
// The value in words; empty for a plain number. `image` is the VMCB of the field: EXIT_CODE decides the meaning of
// EXIT_INFO_1.
std::string describe_vmcb_field(const VmcbField& field, std::uint64_t value,
                                std::span<const std::byte> image);

}  // namespace ringside::x86
