// What the machine's devices can save and restore, without knowing the devices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringside::machine {

// One device's state as bytes of a fixed number.
class DeviceState {
  public:
    virtual ~DeviceState() = default;
    virtual std::string_view name() const = 0;
    virtual std::size_t size() const = 0;
    virtual void save(std::span<std::byte> out) const = 0;
    virtual void restore(std::span<const std::byte> in) = 0;
};

// Every device of a machine. Filled before the machine runs.
class DeviceStates {
  public:
    void add(std::unique_ptr<DeviceState> state) {
        at_power_on_.resize(size_ + state->size());
        state->save(std::span(at_power_on_).subspan(size_));
        size_ += state->size();
        states_.push_back(std::move(state));
    }
    // A device whose state cannot be saved, by the name that a user knows.
    void add_unsavable(std::string name) { unsavable_.push_back(std::move(name)); }

    std::span<const std::unique_ptr<DeviceState>> list() const { return states_; }
    std::span<const std::string> unsavable() const { return unsavable_; }

    // All of them, one behind the other.
    std::size_t size() const { return size_; }
    void save(std::span<std::byte> out) const {
        for (const auto& state : states_) {
            state->save(out.first(state->size()));
            out = out.subspan(state->size());
        }
    }
    // Those whose bytes differ between `now` and `wanted`.
    void restore(std::span<const std::byte> now, std::span<const std::byte> wanted) const;
    // Makes every device what it was when it was added.
    void reset() const {
        std::span<const std::byte> rest = at_power_on_;
        for (const auto& state : states_) {
            state->restore(rest.first(state->size()));
            rest = rest.subspan(state->size());
        }
    }

  private:
    std::vector<std::unique_ptr<DeviceState>> states_;
    std::vector<std::string> unsavable_;
    std::vector<std::byte> at_power_on_;
    std::size_t size_ = 0;
};

inline void DeviceStates::restore(std::span<const std::byte> now, std::span<const std::byte> wanted) const {
    for (const auto& state : states_) {
        const auto bytes = wanted.first(state->size());
        if (!std::equal(bytes.begin(), bytes.end(), now.begin()))
            state->restore(bytes);
        now = now.subspan(state->size());
        wanted = wanted.subspan(state->size());
    }
}

}  // namespace ringside::machine
