// The contract of a device whose state can be saved and restored as a plain value.
#pragma once

#include <concepts>
#include <type_traits>

namespace ringside::devices {

// `save()` is a snapshot; `restore()` makes the device behave as the saved one did, its interrupt line
// included. A state may come from a file: restore() accepts any value without harm.
template <typename Device>
concept Savable = std::is_trivially_copyable_v<typename Device::State> &&
    requires(const Device& saved, Device& restored, const typename Device::State& state) {
    { saved.save() } -> std::same_as<typename Device::State>;
    restored.restore(state);
};

}  // namespace ringside::devices
