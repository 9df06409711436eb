#include "vmm/devices/reset_port.h"

#include "vmm/devices/savable.h"

namespace ringside::devices {

static_assert(Savable<ResetPort>);

namespace {
constexpr std::uint8_t kResetCpu = 0x04;
}  // namespace

std::uint8_t ResetPort::read_port(std::uint64_t offset) {
    const std::scoped_lock lock(mutex_);
    return offset == 0 ? state_.value : kFloating;
}

void ResetPort::write_port(std::uint64_t offset, std::uint8_t value) {
    if (offset != 0)
        return;
    bool reset = false;
    {
        const std::scoped_lock lock(mutex_);
        reset = (value & kResetCpu) != 0 && (state_.value & kResetCpu) == 0;
        state_.value = value;
    }
    if (reset)
        machine_.request_reset("port 0xcf9");
}

ResetPort::State ResetPort::save() const {
    const std::scoped_lock lock(mutex_);
    return state_;
}

void ResetPort::restore(const State& state) {
    const std::scoped_lock lock(mutex_);
    state_ = state;
}

}  // namespace ringside::devices
