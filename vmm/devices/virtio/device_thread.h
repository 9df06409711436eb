// A device's own thread. It sleeps until the driver notifies the device or the host has data, and then does
// the device's work.
//
// Each device has one thread, so that a slow disk delays neither the network nor a vCPU. Nothing polls.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include "vmm/devices/virtio/device.h"
#include "vmm/devices/virtio/transport.h"

namespace ringside::devices::virtio {

class DeviceThread {
  public:
    explicit DeviceThread(Device& device);
    ~DeviceThread() { stop(); }
    DeviceThread(const DeviceThread&) = delete;
    DeviceThread& operator=(const DeviceThread&) = delete;

    // Wakes the thread to call the device's on_...(). May be called from any thread; neither blocks nor
    // allocates.
    void ring(Events events);

    // Starts the device on its thread.
    void start(Transport& transport);
    // Ends the thread after its current work. The gate must have been shut down. Idempotent.
    void stop();

  private:
    void wait();

    Device& device_;
    asio::io_context io_;
    asio::posix::stream_descriptor bell_;  // an eventfd
    std::uint64_t rings_ = 0;
    std::atomic<Events> events_{0};
    std::thread thread_;
};

}  // namespace ringside::devices::virtio
