// A driver for one queue of one device: it finds the device, sets it up, and does one request at a time.
#pragma once

#include "guests/virtio/mmio.h"

namespace virtio {

// A piece of memory that belongs to a request.
struct Buffer {
    void* start;
    uint32_t size;
    bool device_writes;
};

class Driver {
  public:
    // Looks for the `ordinal`-th device of a type. Returns false if there is none.
    bool find(DeviceType type, unsigned ordinal = 0);

    // Takes the device through the steps of 3.1.1. Returns false if it does not accept the features.
    bool initialise();

    // Does one request and waits for it. Returns the number of bytes that the device wrote.
    uint32_t request(const Buffer* buffers, unsigned count);

    uint32_t config(unsigned offset) const;

  private:
    // Three steps of request(), to set breakpoints between.
    void offer(const Buffer* buffers, unsigned count);
    void notify();
    uint32_t wait_until_used();

    uint32_t read(Register) const;
    void write(Register, uint32_t value);
    void write64(Register, const void* address);

    uintptr_t base_ = 0;
    alignas(16) Descriptor descriptors_[kQueueSize] = {};
    alignas(2) AvailableRing available_ = {};
    alignas(4) UsedRing used_ = {};
    uint16_t seen_ = 0;  // of used_.index
};

}  // namespace virtio
