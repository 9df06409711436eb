// A guest's driver, played by the test: it drives the registers of a transport and builds rings in guest
// memory, by the rules or against them. No vCPU, no thread: notifications reach the device within the
// register write.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include "guests/virtio/mmio.h"
#include "tests/unit/vmm/devices/fakes.h"
#include "vmm/devices/virtio/device.h"
#include "vmm/devices/virtio/transport.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::devices::virtio::testing {

// The numbers are those of the guests' own driver: the devices under test have theirs.
using ::virtio::Register;
using enum ::virtio::Register;
using DescriptorEntry = ::virtio::Descriptor;

// One buffer of a chain: bytes for the device to read, or room for it to write.
struct Piece {
    std::vector<std::byte> data;
    bool device_writes = false;
};
inline Piece out(std::vector<std::byte> data) {
    return {std::move(data), false};
}
inline Piece room(std::size_t size) {
    return {std::vector<std::byte>(size), true};
}
inline std::vector<std::byte> bytes(std::string_view text) {
    const auto raw = std::as_bytes(std::span(text));
    return {raw.begin(), raw.end()};
}
template <typename T>
std::vector<std::byte> bytes_of(const T& value) {
    const auto raw = std::as_bytes(std::span(&value, 1));
    return {raw.begin(), raw.end()};
}

class FakeDriver {
  public:
    static constexpr std::uint64_t kMemory = 0x400000;
    static constexpr std::uint16_t kQueueSize = 8;
    static constexpr std::uint64_t kQueueArea = 0x10000;  // each queue's three areas are in 4 pages from here
    static constexpr std::uint64_t kBuffers = 0x100000;

    // `device_io` is what the host's side of the device waits in; it outlives the device.
    FakeDriver(Device& device, asio::io_context& device_io)
        : io(device_io),
          keep_running_(device_io.get_executor()),
          device_(device),
          transport_(device, {memory_, *gate_, line_, [this](Events events) { on_ring(events); },
                              [this](const std::string& text) { reports.push_back(text); }}),
          queues_(device.identity().queues) {
        device.start(transport_, io);
    }
    // For a device that has no host's side.
    explicit FakeDriver(Device& device) : FakeDriver(device, unused_io()) {}

    // ---- Registers

    std::uint32_t read(std::uint64_t offset) {
        std::uint32_t value = 0;
        transport_.read(offset, std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }
    void write(std::uint64_t offset, std::uint32_t value) {
        transport_.write(offset, std::as_bytes(std::span(&value, 1)));
    }
    void write64(std::uint64_t offset, std::uint64_t value) {
        write(offset, static_cast<std::uint32_t>(value));
        write(offset + 4, static_cast<std::uint32_t>(value >> 32));
    }
    template <typename T>
    T config(std::uint64_t offset) {
        T value{};
        transport_.read(Config + offset, std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }
    std::uint64_t offered_features() {
        write(DeviceFeaturesSelect, 1);
        const std::uint64_t high = read(DeviceFeatures);
        write(DeviceFeaturesSelect, 0);
        return high << 32 | read(DeviceFeatures);
    }
    bool needs_reset() { return (read(Status) & kStatusNeedsReset) != 0; }

    // ---- Set-up (3.1.1)

    bool negotiate(std::uint64_t features) {
        write(Status, 0);
        write(Status, 1 | 2);
        for (const std::uint32_t half : {0U, 1U}) {
            write(DriverFeaturesSelect, half);
            write(DriverFeatures, static_cast<std::uint32_t>(features >> 32 * half));
        }
        write(Status, 1 | 2 | kStatusFeaturesOk);
        event_index_ = (features & kFeatureEventIndex) != 0;
        return (read(Status) & kStatusFeaturesOk) != 0;
    }
    void set_up_queue(unsigned index, std::uint16_t size = kQueueSize) {
        queues_[index] = {};
        write(QueueSelect, index);
        write(QueueSize, size);
        write64(QueueDescriptors, descriptors(index));
        write64(QueueDriver, available(index));
        write64(QueueDevice, used(index));
        put(Gpa{descriptors(index)}, std::vector<std::byte>(0x4000));
        write(QueueReady, 1);
    }
    void driver_ok() { write(Status, 1 | 2 | kStatusFeaturesOk | kStatusDriverOk); }
    // All of it, with every feature that is offered unless others are named.
    void set_up(std::optional<std::uint64_t> features = std::nullopt) {
        negotiate(features.value_or(offered_features()));
        for (unsigned i = 0; i < queues_.size(); ++i)
            set_up_queue(i);
        driver_ok();
    }

    // ---- Rings

    std::uint64_t descriptors(unsigned queue) const { return kQueueArea + queue * 0x4000; }
    std::uint64_t available(unsigned queue) const { return descriptors(queue) + 0x1000; }
    std::uint64_t used(unsigned queue) const { return descriptors(queue) + 0x2000; }
    static std::uint64_t indirect_table() { return kBuffers - 0x10000; }

    void put(Gpa gpa, std::span<const std::byte> data) { EXPECT_TRUE(memory_.write(gpa, data)); }
    void get(Gpa gpa, std::span<std::byte> data) { EXPECT_TRUE(memory_.read(gpa, data)); }
    template <typename T>
    void poke(std::uint64_t gpa, T value) {
        put(Gpa{gpa}, std::as_bytes(std::span(&value, 1)));
    }
    template <typename T>
    T peek(std::uint64_t gpa) {
        T value{};
        get(Gpa{gpa}, std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }
    void put_descriptor(std::uint64_t table, std::uint16_t index, const DescriptorEntry& entry) {
        poke(table + 16 * index, entry);
    }
    // Puts a chain's head into the available ring, without telling.
    void offer(unsigned queue, std::uint16_t head) {
        auto& ring = queues_[queue];
        poke<std::uint16_t>(available(queue) + 4 + 2 * (ring.available % kQueueSize), head);
        poke<std::uint16_t>(available(queue) + 2, ++ring.available);
    }
    void notify(unsigned queue) { write(QueueNotify, queue); }
    void power_on() { transport_.power_on(); }

    // Builds a chain of the pieces, offers it and returns the address of each piece.
    std::vector<std::uint64_t> add(unsigned queue, const std::vector<Piece>& pieces) {
        auto& ring = queues_[queue];
        std::vector<std::uint64_t> places;
        const std::uint16_t head = ring.next_descriptor;
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            const std::uint16_t index = ring.next_descriptor;
            ring.next_descriptor = static_cast<std::uint16_t>((index + 1) % kQueueSize);
            const std::uint64_t place = kBuffers + (std::uint64_t{queue} << 18) + index * 0x4000;
            put(Gpa{place}, pieces[i].data);
            const bool last = i + 1 == pieces.size();
            put_descriptor(descriptors(queue), index,
                           {place, static_cast<std::uint32_t>(pieces[i].data.size()),
                            static_cast<std::uint16_t>((pieces[i].device_writes ? kDescriptorWrite : 0) |
                                                       (last ? 0 : kDescriptorNext)),
                            ring.next_descriptor});
            places.push_back(place);
        }
        offer(queue, head);
        return places;
    }
    std::vector<std::uint64_t> send(unsigned queue, const std::vector<Piece>& pieces) {
        auto places = add(queue, pieces);
        notify(queue);
        return places;
    }

    std::uint16_t used_index(unsigned queue) { return peek<std::uint16_t>(used(queue) + 2); }
    // The length that the device gave for the used entry `index`.
    std::uint32_t used_length(unsigned queue, std::uint16_t index) {
        return peek<std::uint32_t>(used(queue) + 4 + 8 * (index % kQueueSize) + 4);
    }
    // The next used chain's length, if there is one that has not been taken yet.
    std::optional<std::uint32_t> take_used(unsigned queue) {
        auto& ring = queues_[queue];
        if (ring.used == used_index(queue))
            return std::nullopt;
        return used_length(queue, ring.used++);
    }
    std::vector<std::byte> memory_at(std::uint64_t gpa, std::size_t size) {
        std::vector<std::byte> data(size);
        get(Gpa{gpa}, data);
        return data;
    }
    std::string text_at(std::uint64_t gpa, std::size_t size) {
        const auto data = memory_at(gpa, size);
        return {reinterpret_cast<const char*>(data.data()), data.size()};
    }

    machine::GuestMemory& memory() { return memory_; }
    machine::DeviceGate& gate() { return *gate_; }
    FakeLine& line() { return line_; }
    Transport& transport() { return transport_; }

    asio::io_context& io;  // poll() it for what comes from the host
    std::vector<std::string> reports;

  private:
    static asio::io_context& unused_io() {
        static asio::io_context io;
        return io;
    }
    struct Ring {
        std::uint16_t available = 0;
        std::uint16_t used = 0;
        std::uint16_t next_descriptor = 0;
    };
    void on_ring(Events events) { dispatch(device_, events); }

    asio::executor_work_guard<asio::io_context::executor_type> keep_running_;
    Device& device_;
    machine::GuestMemory memory_ = std::move(machine::GuestMemory::create(kMemory).value());
    std::shared_ptr<machine::DeviceGate> gate_ = std::make_shared<machine::DeviceGate>();
    FakeLine line_;
    Transport transport_;
    std::vector<Ring> queues_;
    bool event_index_ = false;
};

}  // namespace ringside::devices::virtio::testing
