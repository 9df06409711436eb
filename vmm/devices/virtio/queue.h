// The device's side of a split virtqueue (virtio 1.2, 2.7).
//
// A queue has three areas in guest memory: the descriptor table, in which the driver describes buffers; the
// available ring, in which it passes chains of descriptors to the device; and the used ring, in which the
// device returns them. Their contents are hostile: they may be wrong, malicious, or change while they are
// read. Every value is copied once, checked, and then used. A chain that breaks a rule is an error with a
// message, and the device stops.
//
// Memory ordering. The driver writes descriptors and ring entries, then the available index; the device loads
// that index with acquire, so that it sees what the index covers. The device writes data and the used entry,
// then stores the used index with release. For notification suppression each side publishes its index and
// then reads the other side's event index; that store and that load must not be reordered, which takes a full
// fence (2.7.13.3.1). x86 guarantees the first two by itself; the fence is an instruction even there.
//
// A chain is taken in two steps. next() shows the oldest available chain and leaves it in the queue; finish()
// returns it and advances. At any moment a request is therefore either not taken or completed, and a saved
// state needs no third kind.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <tl/expected.hpp>

#include "vmm/devices/virtio/chain.h"
#include "vmm/devices/virtio/constants.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::devices::virtio {

struct QueueState {
    std::uint16_t size = kLargestQueue;  // entries
    bool ready = false;
    Gpa descriptors;
    Gpa available;
    Gpa used;
    std::uint16_t next_available = 0;  // index, modulo 2^16, of the next chain to take
    std::uint16_t next_used = 0;       // index of the next used entry to write
    std::uint16_t signalled = 0;       // next_used when an interrupt was last considered

    friend bool operator==(const QueueState&, const QueueState&) = default;
};

// The optional ring features that the driver has accepted.
struct QueueFeatures {
    bool indirect = false;
    bool event_index = false;
};

// Not thread-safe: the transport's lock protects it. No call allocates except the first few calls of next().
class Queue {
  public:
    // The longest chain, regardless of the queue's size, including the descriptors of an indirect table.
    static constexpr unsigned kLongestChain = 256;

    explicit Queue(const machine::GuestMemory& memory) : memory_(&memory) {}

    // The driver's settings for the queue; used by open().
    QueueState& state() { return state_; }
    const QueueState& state() const { return state_; }

    // Enables the queue. Fails with a message if the size is not a power of two, or an area is misaligned or
    // not in RAM; the queue then stays disabled.
    tl::expected<void, std::string> open(QueueFeatures features);
    void reset() { *this = Queue(*memory_); }

    // Gets the next chain that the driver has made available. Returns true and sets `chain`, or returns false
    // if there is none, after asking the driver to notify about the next one. The error says which rule the
    // driver broke.
    tl::expected<bool, std::string> next(Chain& chain);
    // Returns the chain that next() showed to the driver, with the number of bytes written to it. Returns
    // true if the driver wants an interrupt for it.
    bool finish(const Chain& chain, std::uint32_t written);

  private:
    struct Descriptor;
    struct Walk;

    tl::expected<void, std::string> collect(std::uint16_t head, Chain& chain) const;
    tl::expected<void, std::string> enter_indirect(const Descriptor& descriptor, Walk& walk) const;
    tl::expected<void, std::string> add_buffer(const Descriptor& descriptor, Chain& chain) const;
    std::uint16_t ask_for_notification();
    bool wants_interrupt();

    const machine::GuestMemory* memory_;
    QueueState state_;
    QueueFeatures features_;
    // The three areas, found by open().
    std::span<std::byte> descriptors_;
    std::span<std::byte> available_;
    std::span<std::byte> used_;
};

}  // namespace ringside::devices::virtio
