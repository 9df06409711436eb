// `$NAME` in a monitor command's arguments: the value of a register.
#pragma once

#include <string>
#include <string_view>

#include "vmm/debug/guest/inspected.h"

namespace ringside::debug {

// The text with each word `$NAME` replaced by the value of a general or system register of `vcpu`, or of the one that
// the text names ("vcpu 1"). A condition ("if ...") is left unchanged: it is evaluated later.
Result<std::string> with_register_values(Inspected& guest, VcpuIndex vcpu, std::string_view text);

}  // namespace ringside::debug
