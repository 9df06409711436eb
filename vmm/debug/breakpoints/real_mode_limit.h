#pragma once

#include "vmm/base/ids.h"

namespace ringside::debug {

// Real-mode code lies below 1 MiB (no one runs code in the 64 KiB above that 0xffff:offset reaches).
inline constexpr Gpa kRealModeLimit{0x100000};

}  // namespace ringside::debug
