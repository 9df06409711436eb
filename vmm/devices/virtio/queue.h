// A split virtqueue (virtio 1.2, 2.7), the device's side of it.
//
// Three areas in guest memory: the descriptor table, which the driver fills with pieces of memory; the
// available ring, by which it hands chains of them over; the used ring, by which the device gives them back.
// Whatever stands there is hostile: the driver's side may be wrong, malicious, or change while it is read. So
// every value is copied once, checked, and then used; a chain that breaks a rule is an error in words, and
// the device stops.
//
// Memory ordering. The driver writes descriptors and ring entries, then the available index; the device loads
// that index with acquire, so that it sees what the index covers. The device writes data and the used entry,
// then stores the used index with release. Suppression works crosswise: each side publishes its index, then
// reads what the other wants to be told; that store and that load must not pass each other, which takes a
// full fence (2.7.13.3.1). x86 does the first two by itself; the fence is an instruction even there.
//
// A chain is taken in two steps. next() shows the oldest one that is available and leaves it there; finish()
// gives it back and moves on. So at any moment a request is either not taken or completed, and a saved state
// needs to know of no third kind.
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
    std::uint16_t next_used = 0;       // and of the next used entry to write
    std::uint16_t signalled = 0;       // next_used when an interrupt was last thought about

    friend bool operator==(const QueueState&, const QueueState&) = default;
};

// Which of the optional ring features the driver has accepted.
struct QueueFeatures {
    bool indirect = false;
    bool event_index = false;
};

// Not thread-safe: its transport's lock guards it. No call allocates but the first few next().
class Queue {
  public:
    // Longest chain, whatever the queue's size, counted with the descriptors of an indirect table.
    static constexpr unsigned kLongestChain = 256;

    explicit Queue(const machine::GuestMemory& memory) : memory_(&memory) {}

    // Where the driver wants the queue; used by open().
    QueueState& state() { return state_; }
    const QueueState& state() const { return state_; }

    // Puts the queue into use. Fails, in words, if the size is no power of two or an area is misaligned or
    // not in RAM; the queue then stays out of use.
    tl::expected<void, std::string> open(QueueFeatures features);
    void reset() { *this = Queue(*memory_); }

    // The next chain that the driver has made available: true and `chain`; or false when there is none, in
    // which case the driver has been asked to notify about the next one. The error says which rule was
    // broken.
    tl::expected<bool, std::string> next(Chain& chain);
    // Gives the chain that next() showed back, with the count of bytes written to it. Returns whether the
    // driver wants an interrupt for it.
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
