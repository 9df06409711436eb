// Model-specific registers by name (SDM volume 4; APM volume 2, appendix A; KVM's own:
// Documentation/virt/kvm/x86/msr.rst).
#pragma once

#include <cstdint>
#include <string_view>

namespace ringside::x86 {

// "IA32_LSTAR"; empty for an MSR that has no entry.
std::string_view msr_name(std::uint32_t index);

}  // namespace ringside::x86
