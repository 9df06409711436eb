#include "arch/x86_64/pending_events.h"

#include <array>

namespace ringside::x86 {

std::string_view name(Activity activity) {
    constexpr std::array<std::string_view, 6> kNames{"running",       "halted",        "waiting for SIPI",
                                                     "INIT received", "SIPI received", "unknown"};
    return kNames[static_cast<unsigned>(activity)];
}

}  // namespace ringside::x86
