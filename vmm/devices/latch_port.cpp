#include "vmm/devices/latch_port.h"

#include <utility>

#include "vmm/devices/savable.h"

namespace ringside::devices {

static_assert(Savable<LatchPort>);

std::uint8_t LatchPort::read_port(std::uint64_t offset) {
    const std::scoped_lock lock(mutex_);
    return offset == 0 ? state_.value : kFloating;
}

void LatchPort::write_port(std::uint64_t offset, std::uint8_t value) {
    if (offset == 0)
        write_latch(value);
}

std::uint8_t LatchPort::exchange(std::uint8_t value) {
    const std::scoped_lock lock(mutex_);
    return std::exchange(state_.value, value);
}

LatchPort::State LatchPort::save() const {
    const std::scoped_lock lock(mutex_);
    return state_;
}

void LatchPort::restore(const State& state) {
    const std::scoped_lock lock(mutex_);
    state_ = state;
}

}  // namespace ringside::devices
