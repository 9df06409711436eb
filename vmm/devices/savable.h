// The contract of a device whose state can be saved and restored as a plain value.
#pragma once

#include <concepts>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>

#include "vmm/machine/device_states.h"

namespace ringside::devices {

// `save()` is a snapshot; `restore()` makes the device behave as the saved one did, its interrupt line
// included. A state may come from a file: restore() accepts any value without harm.
template <typename Device>
concept Savable = std::is_trivially_copyable_v<typename Device::State> &&
    requires(const Device& saved, Device& restored, const typename Device::State& state) {
    { saved.save() } -> std::same_as<typename Device::State>;
    restored.restore(state);
};

// A device's state for machine::DeviceStates. The device must outlive it.
template <Savable Device>
class StateOf final : public machine::DeviceState {
  public:
    explicit StateOf(Device& device) : device_(device), name_(device.name()) {}
    std::string_view name() const override { return name_; }
    std::size_t size() const override { return sizeof(typename Device::State); }
    void save(std::span<std::byte> out) const override {
        const auto state = device_.save();
        std::memcpy(out.data(), &state, sizeof state);
    }
    void restore(std::span<const std::byte> in) override {
        typename Device::State state;
        std::memcpy(&state, in.data(), sizeof state);
        device_.restore(state);
    }

  private:
    Device& device_;
    std::string name_;
};

template <Savable Device>
std::unique_ptr<machine::DeviceState> state_of(Device& device) {
    return std::make_unique<StateOf<Device>>(device);
}

}  // namespace ringside::devices
