#include "vmm/devices/system_control_port.h"

#include "vmm/devices/savable.h"

namespace ringside::devices {

static_assert(Savable<SystemControlPort>);

namespace {
constexpr std::uint8_t kFastReset = 0x01;
}  // namespace

std::uint8_t SystemControlPort::read_port(std::uint64_t offset) {
    const std::scoped_lock lock(mutex_);
    return offset == 0 ? state_.value : kFloating;
}

void SystemControlPort::write_port(std::uint64_t offset, std::uint8_t value) {
    if (offset != 0)
        return;
    {
        const std::scoped_lock lock(mutex_);
        state_.value = value & static_cast<std::uint8_t>(~kFastReset);
    }
    if ((value & kFastReset) != 0)
        machine_.request_reset("port 0x92");
}

SystemControlPort::State SystemControlPort::save() const {
    const std::scoped_lock lock(mutex_);
    return state_;
}

void SystemControlPort::restore(const State& state) {
    const std::scoped_lock lock(mutex_);
    state_ = state;
}

}  // namespace ringside::devices
