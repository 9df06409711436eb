// The interface between one type of virtio device and the transport that all types share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <asio/io_context.hpp>

#include "vmm/machine/device_states.h"

namespace ringside::devices::virtio {

class Transport;

struct Identity {
    std::uint32_t type = 0;      // virtio 5
    std::string_view name;       // "virtio block"
    std::uint64_t features = 0;  // of this type; the transport adds its own
    unsigned queues = 0;         // at most kMostQueues
};

// Threading: identity() is constant. vCPU threads call config() with the transport's lock held, so only a
// holder of a Transport::Access may change what it returns. Everything else runs on the device's own thread,
// where it may block: it delays only this device.
class Device {
  public:
    virtual ~Device() = default;

    virtual Identity identity() const = 0;
    // The configuration space of the type, which drivers read byte by byte.
    virtual std::span<const std::byte> config() const { return {}; }

    // The first call. `transport` is the connection to the driver. The device waits for the host in `io`,
    // which its thread runs. Both outlive the device's work.
    virtual void start(Transport& transport, asio::io_context& io) = 0;
    // The driver may have put chains into a queue.
    virtual void on_kick(unsigned queue) = 0;
    // The driver has reset the device: pending requests are void.
    virtual void on_reset() {}
    // Adds what a snapshot holds of the device beside its transport's state, or that it cannot be saved.
    virtual void add_states(machine::DeviceStates&) const {}
    // A saved state was restored: data that the host's side held is lost.
    virtual void on_restore() {}
};

}  // namespace ringside::devices::virtio
