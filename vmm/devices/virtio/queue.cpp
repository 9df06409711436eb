#include "vmm/devices/virtio/queue.h"

#include <fmt/format.h>

#include <atomic>
#include <bit>
#include <cstring>
#include <utility>

namespace ringside::devices::virtio {

using Failure = tl::unexpected<std::string>;

// A descriptor as memory holds it (2.7.5).
struct Queue::Descriptor {
    std::uint64_t address;
    std::uint32_t length;
    std::uint16_t flags;
    std::uint16_t next;

    bool has(std::uint16_t flag) const { return (flags & flag) != 0; }
};

// The position in a chain: in the queue's own table, or in an indirect one.
struct Queue::Walk {
    std::span<const std::byte> table;
    std::uint32_t entries = 0;
    std::uint16_t index = 0;
    bool indirect = false;
};

namespace {

// Byte offsets within the rings (2.7.6, 2.7.8).
constexpr std::size_t kFlags = 0;
constexpr std::size_t kIndex = 2;
constexpr std::size_t kRing = 4;
constexpr std::size_t kAvailableEntry = 2;
constexpr std::size_t kUsedEntry = 8;
constexpr std::size_t kDescriptorSize = 16;

constexpr std::size_t available_size(std::size_t entries) {
    return kRing + kAvailableEntry * entries + 2;  // followed by used_event
}
constexpr std::size_t used_size(std::size_t entries) {
    return kRing + kUsedEntry * entries + 2;  // followed by avail_event
}

// The rings' fields are naturally aligned once open() has checked the areas, and little-endian as x86 is.
template <typename T>
std::atomic_ref<T> field(std::span<std::byte> area, std::size_t offset) {
    return std::atomic_ref<T>(*reinterpret_cast<T*>(area.data() + offset));
}

// Returns true if an index that has moved from `before` to `now` has passed `event` (2.7.7.2).
bool passed(std::uint16_t event, std::uint16_t now, std::uint16_t before) {
    return static_cast<std::uint16_t>(now - event - 1) < static_cast<std::uint16_t>(now - before);
}

}  // namespace

tl::expected<void, std::string> Queue::open(QueueFeatures features) {
    state_.ready = false;
    const std::size_t entries = state_.size;
    if (!std::has_single_bit(state_.size) || state_.size > kLargestQueue)
        return Failure(fmt::format("a queue of {} entries (a power of two up to {} is possible)", entries,
                                   kLargestQueue));
    struct Area {
        const char* name;
        Gpa start;
        std::size_t size;
        std::uint64_t alignment;  // 2.7
        std::span<std::byte>& bytes;
    };
    const Area areas[] = {
        {"descriptor table", state_.descriptors, kDescriptorSize * entries, 16, descriptors_},
        {"available ring", state_.available, available_size(entries), 2, available_},
        {"used ring", state_.used, used_size(entries), 4, used_}};
    for (const Area& area : areas) {
        if (area.start.value % area.alignment != 0)
            return Failure(fmt::format("the {} at {:#x} is not aligned to {} bytes", area.name,
                                       area.start.value, area.alignment));
        area.bytes = memory_->writable_span(area.start, area.size);
        if (area.bytes.empty())
            return Failure(fmt::format("the {} at {:#x}, {} bytes, is not in RAM", area.name,
                                       area.start.value, area.size));
    }
    features_ = features;
    state_.ready = true;
    return {};
}

tl::expected<bool, std::string> Queue::next(Chain& chain) {
    std::uint16_t available = field<std::uint16_t>(available_, kIndex).load(std::memory_order_acquire);
    if (available == state_.next_available)
        available = ask_for_notification();
    const auto pending = static_cast<std::uint16_t>(available - state_.next_available);
    if (pending == 0)
        return false;
    if (pending > state_.size)
        return Failure(fmt::format("the available index, {}, runs {} entries ahead in a queue of {}",
                                   available, pending, state_.size));
    const std::size_t slot = state_.next_available % state_.size;
    const std::uint16_t head = field<std::uint16_t>(available_, kRing + kAvailableEntry * slot)
                                   .load(std::memory_order_relaxed);  // ordered by the index
    if (auto r = collect(head, chain); !r)
        return Failure(std::move(r.error()));
    return true;
}

// No chain is left: ask the driver to notify about the next one. Reading the index once more finds a chain
// that the driver adds before it sees the request.
std::uint16_t Queue::ask_for_notification() {
    if (features_.event_index) {
        field<std::uint16_t>(used_, kRing + kUsedEntry * state_.size)
            .store(state_.next_available, std::memory_order_relaxed);
        memory_->note_write(state_.used, used_.size());
        std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    return field<std::uint16_t>(available_, kIndex).load(std::memory_order_acquire);
}

tl::expected<void, std::string> Queue::collect(std::uint16_t head, Chain& chain) const {
    chain.begin(head, *memory_);
    Walk walk{descriptors_, state_.size, head, false};
    for (unsigned count = 0;; ++count) {
        if (walk.index >= walk.entries)
            return Failure(fmt::format("descriptor {} of a table of {}", walk.index, walk.entries));
        if (count >= (walk.indirect ? kLongestChain : state_.size))
            return Failure(fmt::format("a chain of more than {} descriptors, or a loop", count));
        Descriptor descriptor{};
        std::memcpy(&descriptor, walk.table.data() + walk.index * kDescriptorSize, sizeof descriptor);
        if (descriptor.has(kDescriptorIndirect)) {
            TRY(enter_indirect(descriptor, walk));
            continue;
        }
        TRY(add_buffer(descriptor, chain));
        if (!descriptor.has(kDescriptorNext))
            return {};
        walk.index = descriptor.next;
    }
}

tl::expected<void, std::string> Queue::enter_indirect(const Descriptor& descriptor, Walk& walk) const {
    if (!features_.indirect)
        return Failure("an indirect descriptor, which was not negotiated");
    if (walk.indirect)
        return Failure("an indirect descriptor within an indirect table");
    if (descriptor.has(kDescriptorNext))
        return Failure("an indirect descriptor that has a next one");
    if (descriptor.length == 0 || descriptor.length % kDescriptorSize != 0)
        return Failure(fmt::format("an indirect table of {} bytes", descriptor.length));
    walk.table = memory_->span(Gpa{descriptor.address}, descriptor.length);
    if (walk.table.empty())
        return Failure(fmt::format("an indirect table at {:#x}, {} bytes, which is not in RAM",
                                   descriptor.address, descriptor.length));
    walk.entries = descriptor.length / static_cast<std::uint32_t>(kDescriptorSize);
    walk.index = 0;
    walk.indirect = true;
    return {};
}

tl::expected<void, std::string> Queue::add_buffer(const Descriptor& descriptor, Chain& chain) const {
    const bool write = descriptor.has(kDescriptorWrite);
    if (!write && chain.writable() != 0)
        return Failure("a descriptor to be read after one to be written");
    if (descriptor.length == 0)
        return {};
    const Gpa start{descriptor.address};
    const std::span<std::byte> bytes =
        write ? memory_->writable_span(start, descriptor.length) : memory_->span(start, descriptor.length);
    if (bytes.empty())
        return Failure(fmt::format("a buffer at {:#x}, {} bytes, which is not in {}", descriptor.address,
                                   descriptor.length, write ? "writable RAM" : "memory"));
    if (write)
        chain.add_writable(start, bytes);
    else
        chain.add_readable(start, bytes);
    return {};
}

bool Queue::finish(const Chain& chain, std::uint32_t written) {
    const std::size_t entry = kRing + kUsedEntry * (state_.next_used % state_.size);
    field<std::uint32_t>(used_, entry).store(chain.head(), std::memory_order_relaxed);
    field<std::uint32_t>(used_, entry + 4).store(written, std::memory_order_relaxed);
    ++state_.next_available;
    ++state_.next_used;
    field<std::uint16_t>(used_, kIndex).store(state_.next_used, std::memory_order_release);
    memory_->note_write(state_.used, used_.size());
    return wants_interrupt();
}

bool Queue::wants_interrupt() {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // publish the used index before reading the event
    const std::uint16_t before = std::exchange(state_.signalled, state_.next_used);
    if (features_.event_index) {
        const std::uint16_t event = field<std::uint16_t>(available_, kRing + kAvailableEntry * state_.size)
                                        .load(std::memory_order_relaxed);
        return passed(event, state_.next_used, before);
    }
    const std::uint16_t flags = field<std::uint16_t>(available_, kFlags).load(std::memory_order_relaxed);
    return (flags & kAvailableNoInterrupt) == 0;
}

}  // namespace ringside::devices::virtio
