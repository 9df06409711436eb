#include "guests/virtio/driver.h"

#include "guests/lib/cpu.h"

namespace virtio {

uint32_t Driver::read(Register which) const {
    return *reinterpret_cast<volatile uint32_t*>(base_ + static_cast<uint32_t>(which));
}

void Driver::write(Register which, uint32_t value) {
    *reinterpret_cast<volatile uint32_t*>(base_ + static_cast<uint32_t>(which)) = value;
}

void Driver::write64(Register which, const void* address) {
    const auto value = reinterpret_cast<uint64_t>(address);
    write(which, static_cast<uint32_t>(value));
    write(static_cast<Register>(static_cast<uint32_t>(which) + 4), static_cast<uint32_t>(value >> 32));
}

uint32_t Driver::config(unsigned offset) const {
    return read(static_cast<Register>(static_cast<uint32_t>(Register::Config) + offset));
}

// An address without a device reads as all ones, which is not the magic value.
bool Driver::find(DeviceType type, unsigned ordinal) {
    for (unsigned i = 0; i < kDevices; ++i) {
        base_ = kFirstDevice + i * kDeviceSize;
        if (read(Register::Magic) != kMagic || read(Register::Version) != kModern)
            continue;
        if (read(Register::DeviceId) == static_cast<uint32_t>(type) && ordinal-- == 0)
            return true;
    }
    return false;
}

bool Driver::initialise() {
    write(Register::Status, 0);
    write(Register::Status, kAcknowledge);
    write(Register::Status, kAcknowledge | kDriver);

    // The only feature that is requested is virtio 1.
    for (uint32_t half = 0; half < 2; ++half) {
        write(Register::DriverFeaturesSelect, half);
        write(Register::DriverFeatures, static_cast<uint32_t>(kFeatureVersion1 >> 32 * half));
    }
    write(Register::Status, kAcknowledge | kDriver | kFeaturesOk);
    if ((read(Register::Status) & kFeaturesOk) == 0)
        return false;

    write(Register::QueueSelect, 0);
    if (read(Register::QueueSizeMaximum) < kQueueSize)
        return false;
    write(Register::QueueSize, kQueueSize);
    write64(Register::QueueDescriptors, descriptors_);
    write64(Register::QueueDriver, &available_);
    write64(Register::QueueDevice, &used_);
    write(Register::QueueReady, 1);
    write(Register::Status, kAcknowledge | kDriver | kFeaturesOk | kDriverOk);
    return read(Register::QueueReady) == 1;
}

uint32_t Driver::request(const Buffer* buffers, unsigned count) {
    offer(buffers, count);
    notify();
    return wait_until_used();
}

// A chain of descriptors from number 0 on: with one request at a time, all of them are free. The device may
// look as soon as the index has moved, so that is the last thing to be written; the x86 keeps the order of
// its writes, and `volatile` makes the compiler keep it.
void Driver::offer(const Buffer* buffers, unsigned count) {
    for (uint16_t i = 0; i < count; ++i) {
        const bool last = i + 1u == count;
        descriptors_[i].address = reinterpret_cast<uint64_t>(buffers[i].start);
        descriptors_[i].length = buffers[i].size;
        descriptors_[i].flags =
            static_cast<uint16_t>((buffers[i].device_writes ? kDeviceWrites : 0) | (last ? 0 : kNext));
        descriptors_[i].next = static_cast<uint16_t>(i + 1);
    }
    volatile AvailableRing& ring = available_;
    ring.ring[ring.index % kQueueSize] = 0;
    ring.index = static_cast<uint16_t>(ring.index + 1);
}

// This write exits to the monitor, which passes it to the device.
void Driver::notify() {
    write(Register::QueueNotify, 0);
}

uint32_t Driver::wait_until_used() {
    const volatile UsedRing& ring = used_;
    while (ring.index == seen_)
        guest::spin_hint();
    const uint32_t written = ring.ring[seen_ % kQueueSize].length;
    seen_ = ring.index;
    write(Register::InterruptAcknowledge, read(Register::InterruptStatus));
    return written;
}

}  // namespace virtio
