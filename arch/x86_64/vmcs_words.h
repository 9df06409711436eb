// The values of VMCS fields in words: controls by the manual's names for their bits, exit reasons and qualifications,
// registers with their flags.
#pragma once

#include <string>

#include "arch/x86_64/vmcs_fields.h"

namespace ringside::x86 {

// Empty for a field whose value is a plain number. `all` is the VMCS of the field: the meaning of an exit
// qualification depends on the exit reason.
std::string describe_vmcs_field(VmcsField field, std::uint64_t value, const VmcsValues& all);

}  // namespace ringside::x86
