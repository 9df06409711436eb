// What a kind of virtio device is, behind the transport that all kinds share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <asio/io_context.hpp>

namespace ringside::devices::virtio {

class Transport;

struct Identity {
    std::uint32_t type = 0;      // virtio 5
    std::string_view name;       // "virtio block"
    std::uint64_t features = 0;  // of its type; the transport adds its own
    unsigned queues = 0;         // at most kMostQueues
};

// Threading: identity() is constant. config() is called by vCPU threads with the transport's lock held, so
// what it shows is changed only by a holder of a Transport::Access. Everything else runs on the device's own
// thread, where it may block: nobody waits there but this device.
class Device {
  public:
    virtual ~Device() = default;

    virtual Identity identity() const = 0;
    // The configuration space of the type, which drivers read byte by byte.
    virtual std::span<const std::byte> config() const { return {}; }

    // The first call. `transport` leads to the driver; what arrives from the host is waited for in `io`,
    // which the device's thread runs. Both outlive the device's work.
    virtual void start(Transport& transport, asio::io_context& io) = 0;
    // The driver has put chains into a queue, or may have.
    virtual void on_kick(unsigned queue) = 0;
    // The driver has reset the device: whatever was under way is of no interest any more.
    virtual void on_reset() {}
    // A saved state was restored: what the host's side held is lost.
    virtual void on_restore() {}
};

}  // namespace ringside::devices::virtio
