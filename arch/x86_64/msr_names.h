// Model-specific registers by name (SDM volume 4; APM volume 2, appendix A; KVM's own:
// Documentation/virt/kvm/x86/msr.rst).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ringside::x86 {

// "IA32_LSTAR"; empty for an MSR that has no entry.
std::string_view msr_name(std::uint32_t index);

// The index of a name in any case, with or without "IA32_" or "MSR_" before it: "ia32_lstar", "LSTAR".
std::optional<std::uint32_t> msr_index(std::string_view name);

// The indices that have a name, in ascending order.
std::vector<std::uint32_t> named_msrs();

}  // namespace ringside::x86
