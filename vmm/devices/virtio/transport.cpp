#include "vmm/devices/virtio/transport.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "vmm/devices/savable.h"

namespace ringside::devices::virtio {

static_assert(Savable<Transport>);

namespace {

// Register offsets (4.2.2, table 4.1).
constexpr std::uint64_t kMagic = 0x000;
constexpr std::uint64_t kVersion = 0x004;
constexpr std::uint64_t kDeviceId = 0x008;
constexpr std::uint64_t kVendorId = 0x00c;
constexpr std::uint64_t kDeviceFeatures = 0x010;
constexpr std::uint64_t kDeviceFeaturesSelect = 0x014;
constexpr std::uint64_t kDriverFeatures = 0x020;
constexpr std::uint64_t kDriverFeaturesSelect = 0x024;
constexpr std::uint64_t kQueueSelect = 0x030;
constexpr std::uint64_t kQueueSizeMaximum = 0x034;
constexpr std::uint64_t kQueueSize = 0x038;
constexpr std::uint64_t kQueueReady = 0x044;
constexpr std::uint64_t kQueueNotify = 0x050;
constexpr std::uint64_t kInterruptStatus = 0x060;
constexpr std::uint64_t kInterruptAcknowledge = 0x064;
constexpr std::uint64_t kStatus = 0x070;
constexpr std::uint64_t kQueueDescriptorsLow = 0x080;
constexpr std::uint64_t kQueueDescriptorsHigh = 0x084;
constexpr std::uint64_t kQueueDriverLow = 0x090;
constexpr std::uint64_t kQueueDriverHigh = 0x094;
constexpr std::uint64_t kQueueDeviceLow = 0x0a0;
constexpr std::uint64_t kQueueDeviceHigh = 0x0a4;
constexpr std::uint64_t kSharedMemoryFirst = 0x0b0;  // length and base of the selected region; none exists
constexpr std::uint64_t kSharedMemoryLast = 0x0bc;
constexpr std::uint64_t kConfigGeneration = 0x0fc;
constexpr std::uint64_t kConfig = 0x100;

constexpr std::uint32_t kMagicValue = 0x74726976;  // "virt"
constexpr std::uint32_t kModern = 2;
constexpr std::uint32_t kVendor = 0x474e4952;  // "RING"
constexpr std::uint32_t kNoSharedMemory = 0xffffffff;

constexpr std::uint32_t kInterruptUsed = 1;    // the device has used a buffer
constexpr std::uint32_t kInterruptConfig = 2;  // the configuration has changed, or the status

// The limit keeps a broken or malicious driver from flooding the user's terminal.
constexpr unsigned kMostReports = 8;

constexpr std::uint64_t kTransportFeatures = kFeatureIndirect | kFeatureEventIndex | kFeatureVersion1;

void set_low(Gpa& address, std::uint32_t value) {
    address.value = (address.value & 0xffffffff00000000) | value;
}
void set_high(Gpa& address, std::uint32_t value) {
    address.value = (address.value & 0x00000000ffffffff) | std::uint64_t{value} << 32;
}

}  // namespace

void dispatch(Device& device, Events events) {
    if ((events & kEventReset) != 0)
        device.on_reset();
    if ((events & kEventRestored) != 0)
        device.on_restore();
    // Chains that the driver queued before DRIVER_OK are processed as well.
    const bool all = (events & (kEventReady | kEventRestored)) != 0;
    for (unsigned queue = 0; queue < device.identity().queues; ++queue) {
        if (all || (events & Events{1} << queue) != 0)
            device.on_kick(queue);
    }
}

Transport::Transport(Device& device, Wiring wiring)
    : identity_(device.identity()),
      features_(identity_.features | kTransportFeatures),
      device_(device),
      wiring_(std::move(wiring)),
      queues_(identity_.queues, Queue(wiring_.memory)) {}

// ---- The driver's side: vCPU threads

void Transport::read(std::uint64_t offset, std::span<std::byte> data) {
    const std::scoped_lock lock(mutex_);
    if (offset >= kConfig) {
        read_config(offset - kConfig, data);
        return;
    }
    // Registers are 32 bits wide and accessed so (4.2.2.2).
    if (data.size() != sizeof(std::uint32_t) || offset % sizeof(std::uint32_t) != 0) {
        std::ranges::fill(data, std::byte{0xff});
        return;
    }
    const std::uint32_t value = read_register(offset);
    std::memcpy(data.data(), &value, sizeof value);
}

void Transport::write(std::uint64_t offset, std::span<const std::byte> data) {
    // The configuration of these devices is read-only.
    if (offset >= kConfig || data.size() != sizeof(std::uint32_t) || offset % sizeof(std::uint32_t) != 0)
        return;
    std::uint32_t value = 0;
    std::memcpy(&value, data.data(), sizeof value);
    Events events = 0;
    {
        const std::scoped_lock lock(mutex_);
        events = write_register(offset, value);
    }
    if (events != 0)
        wiring_.ring(events);
}

std::uint32_t Transport::read_register(std::uint64_t offset) const {
    const auto half = [](std::uint64_t value, std::uint32_t select) {
        return select < 2 ? static_cast<std::uint32_t>(value >> 32 * select) : 0;
    };
    switch (offset) {
        case kMagic:
            return kMagicValue;
        case kVersion:
            return kModern;
        case kDeviceId:
            return identity_.type;
        case kVendorId:
            return kVendor;
        case kDeviceFeatures:
            return half(features_, state_.device_features_select);
        case kQueueSizeMaximum:
            return selected_queue() != nullptr ? kLargestQueue : 0;
        case kQueueReady:
            return selected_queue() != nullptr && selected_queue()->state().ready ? 1 : 0;
        case kInterruptStatus:
            return state_.interrupts;
        case kStatus:
            return state_.status;
        case kConfigGeneration:
            return state_.config_generation;
        default:
            return offset >= kSharedMemoryFirst && offset <= kSharedMemoryLast ? kNoSharedMemory : 0;
    }
}

void Transport::read_config(std::uint64_t offset, std::span<std::byte> data) const {
    const auto config = device_.config();
    for (std::byte& byte : data) {
        byte = offset < config.size() ? config[static_cast<std::size_t>(offset)] : std::byte{0xff};
        ++offset;
    }
}

Events Transport::write_register(std::uint64_t offset, std::uint32_t value) {
    switch (offset) {
        case kDeviceFeaturesSelect:
            state_.device_features_select = value;
            return 0;
        case kDriverFeaturesSelect:
            state_.driver_features_select = value;
            return 0;
        case kDriverFeatures:
            write_driver_features(value);
            return 0;
        case kQueueSelect:
            state_.queue_select = value;
            return 0;
        case kQueueNotify:
            return value < queues_.size() ? Events{1} << value : 0;
        case kInterruptAcknowledge:
            state_.interrupts &= ~value;
            wiring_.interrupt.set(state_.interrupts != 0);
            return 0;
        case kStatus:
            return write_status(value);
        default:
            write_queue_register(offset, value);
            return 0;
    }
}

// Once the queue is enabled, only QueueReady can be changed: the device relies on the settings that were
// checked.
void Transport::write_queue_register(std::uint64_t offset, std::uint32_t value) {
    Queue* queue = selected_queue();
    if (queue == nullptr)
        return;
    if (offset == kQueueReady)
        return set_queue_ready((value & 1) != 0);
    QueueState& state = queue->state();
    if (state.ready)
        return;
    switch (offset) {
        case kQueueSize:
            state.size = static_cast<std::uint16_t>(std::min<std::uint32_t>(value, 0xffff));
            break;
        case kQueueDescriptorsLow:
            set_low(state.descriptors, value);
            break;
        case kQueueDescriptorsHigh:
            set_high(state.descriptors, value);
            break;
        case kQueueDriverLow:
            set_low(state.available, value);
            break;
        case kQueueDriverHigh:
            set_high(state.available, value);
            break;
        case kQueueDeviceLow:
            set_low(state.used, value);
            break;
        case kQueueDeviceHigh:
            set_high(state.used, value);
            break;
        default:
            break;
    }
}

// FEATURES_OK ends the negotiation. A feature that was not offered cannot be accepted.
void Transport::write_driver_features(std::uint32_t value) {
    if ((state_.status & kStatusFeaturesOk) != 0 || state_.driver_features_select > 1)
        return;
    const unsigned shift = 32 * state_.driver_features_select;
    state_.driver_features &= ~(std::uint64_t{0xffffffff} << shift);
    state_.driver_features |= std::uint64_t{value} << shift;
}

Events Transport::write_status(std::uint32_t value) {
    if (value == 0) {
        reset();
        return kEventReset;
    }
    const std::uint32_t added = value & ~state_.status;
    state_.status |= value & ~kStatusNeedsReset;
    // The driver reads this bit back to see whether the device agrees (3.1.1, step 6). A driver of the legacy
    // interface does not know this register set.
    if ((added & kStatusFeaturesOk) != 0 &&
        ((state_.driver_features & ~features_) != 0 || (state_.driver_features & kFeatureVersion1) == 0))
        state_.status &= ~kStatusFeaturesOk;
    if ((added & kStatusDriverOk) == 0)
        return 0;
    if ((state_.status & kStatusFeaturesOk) == 0) {
        needs_reset("DRIVER_OK without FEATURES_OK");
        return 0;
    }
    return kEventReady;
}

void Transport::set_queue_ready(bool ready) {
    Queue& queue = *selected_queue();
    if (ready == queue.state().ready)
        return;
    if (!ready) {
        queue.reset();
        ++epoch_;  // invalidates a chain that is being processed
        return;
    }
    if (auto opened = queue.open(queue_features()); !opened)
        needs_reset(opened.error());
}

// A thread that accesses the guest for the device holds the lock, so no access is under way when this
// returns.
void Transport::reset() {
    state_ = State{};
    for (Queue& queue : queues_)
        queue.reset();
    ++epoch_;
    wiring_.interrupt.set(false);
}

void Transport::power_on() {
    {
        const std::scoped_lock lock(mutex_);
        reset();
    }
    wiring_.ring(kEventReset);
}

// ---- The device's side

std::optional<Transport::Access> Transport::enter() {
    auto pass = wiring_.gate.enter();
    if (!pass)
        return std::nullopt;
    return Access(*this, std::move(pass));
}

bool Transport::Access::next(unsigned queue, Chain& chain) {
    if (!transport_.live() || !transport_.queues_[queue].state().ready)
        return false;
    chain.stamp(transport_.epoch_);
    const auto found = transport_.queues_[queue].next(chain);
    if (found)
        return *found;
    transport_.needs_reset(fmt::format("queue {}: {}", queue, found.error()));
    return false;
}

void Transport::Access::finish(unsigned queue, const Chain& chain, std::uint32_t written) {
    Queue& ring = transport_.queues_[queue];
    if (!current(chain) || !transport_.live() || !ring.state().ready)
        return;
    if (ring.finish(chain, written))
        transport_.interrupt(kInterruptUsed);
}

void Transport::Access::config_changed() {
    ++transport_.state_.config_generation;
    if (transport_.live())
        transport_.interrupt(kInterruptConfig);
}

bool Transport::live() const {
    return (state_.status & (kStatusDriverOk | kStatusNeedsReset)) == kStatusDriverOk;
}

void Transport::interrupt(std::uint32_t cause) {
    state_.interrupts |= cause;
    wiring_.interrupt.set(true);
}

// 2.1.2: sets the status bit, and sends a running driver a configuration change notification.
void Transport::needs_reset(std::string_view rule) {
    if ((state_.status & kStatusNeedsReset) != 0)
        return;
    state_.status |= kStatusNeedsReset;
    if ((state_.status & kStatusDriverOk) != 0)
        interrupt(kInterruptConfig);
    if (reports_ == kMostReports)
        return;
    ++reports_;
    wiring_.report(fmt::format("{}: the guest's driver has broken a rule: {}; the device waits to be reset{}",
                               identity_.name, rule,
                               reports_ == kMostReports ? " (further ones are not reported)" : ""));
}

QueueFeatures Transport::queue_features() const {
    return {(state_.driver_features & kFeatureIndirect) != 0,
            (state_.driver_features & kFeatureEventIndex) != 0};
}

const Queue* Transport::selected_queue() const {
    return state_.queue_select < queues_.size() ? &queues_[state_.queue_select] : nullptr;
}

// ---- Saving

Transport::State Transport::save() const {
    const std::scoped_lock lock(mutex_);
    State state = state_;
    for (std::size_t i = 0; i < queues_.size(); ++i)
        state.queues[i] = queues_[i].state();
    return state;
}

// Everything is checked as if the driver had written it. A state that no driver could have produced ends in
// DEVICE_NEEDS_RESET.
void Transport::restore(const State& state) {
    {
        const std::scoped_lock lock(mutex_);
        reset();
        state_ = state;
        state_.queues = {};
        state_.driver_features &= features_;
        for (std::size_t i = 0; i < queues_.size(); ++i) {
            queues_[i].state() = state.queues[i];
            if (!state.queues[i].ready)
                continue;
            if (auto opened = queues_[i].open(queue_features()); !opened)
                needs_reset(opened.error());
        }
        wiring_.interrupt.set(state_.interrupts != 0);
    }
    wiring_.ring(kEventRestored);
}

}  // namespace ringside::devices::virtio
