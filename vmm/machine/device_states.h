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

#include "vmm/machine/disk_clusters.h"

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
    // A device whose state cannot be saved, by the name that a user knows, and what the user can do.
    struct Unsavable {
        std::string name, advice;
    };
    void add_unsavable(Unsavable device) { unsavable_.push_back(std::move(device)); }
    // A device that can be saved while the guest is stopped, but works on a thread of its own while it runs.
    void add_unrecordable(std::string name) { unrecordable_.push_back(std::move(name)); }
    void add_disk(std::shared_ptr<OverlaidDisk> disk) { disks_.push_back(std::move(disk)); }

    std::span<const std::unique_ptr<DeviceState>> list() const { return states_; }
    std::span<const Unsavable> unsavable() const { return unsavable_; }
    std::span<const std::string> unrecordable() const { return unrecordable_; }
    std::span<const std::shared_ptr<OverlaidDisk>> disks() const { return disks_; }

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
    void restore(std::span<const std::byte> wanted) const {
        for (const auto& state : states_) {
            state->restore(wanted.first(state->size()));
            wanted = wanted.subspan(state->size());
        }
    }
    // Makes every device what it was when it was added. Disks keep their contents.
    void reset() const { restore(at_power_on_); }

  private:
    std::vector<std::unique_ptr<DeviceState>> states_;
    std::vector<Unsavable> unsavable_;
    std::vector<std::string> unrecordable_;
    std::vector<std::shared_ptr<OverlaidDisk>> disks_;
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
