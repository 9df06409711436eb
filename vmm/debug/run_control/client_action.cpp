#include "vmm/debug/run_control/client_action.h"

namespace ringside::debug {

bool ClientAction::ends_at(std::uint64_t rip) {
    if (std::holds_alternative<gdbstub::Step>(action_))
        return true;
    const auto* range = std::get_if<gdbstub::RangeStep>(&action_);
    if (range == nullptr)
        return false;
    if (rip < range->start || rip >= range->end)
        return true;
    ++range_steps_;
    return false;
}

}  // namespace ringside::debug
