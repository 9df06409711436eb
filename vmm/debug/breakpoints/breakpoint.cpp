#include "vmm/debug/breakpoints/breakpoint.h"

namespace ringside::debug {

const char* mechanism_name(const Breakpoint& breakpoint) {
    switch (breakpoint.mechanism) {
        case Mechanism::Planted:
            return name(breakpoint.trap.value());
        case Mechanism::Slot:
            return "debug slot";
        case Mechanism::ProtectedPage:
            return "protected page";
        case Mechanism::Stepping:
            break;
    }
    return "stepping";
}

}  // namespace ringside::debug
