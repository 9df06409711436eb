// DR7 and DR6 as values (SDM volume 3, 17.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "arch/x86_64/address.h"

namespace ringside::x86 {

inline constexpr unsigned kDebugSlots = 4;  // DR0 to DR3

// What triggers a slot: DR7's R/Wn field (SDM volume 3, 17.2.4).
enum class DebugCondition : std::uint8_t {
    Execute = 0,
    Write = 1,
    Io = 2,         // reads and writes of ports; only if CR4.DE is set
    ReadWrite = 3,  // of data, not instruction fetches
};

// Returns true if a slot can watch [address, address + length): 1, 2, 4 or 8 bytes, aligned to their size
// (17.2.5). An execution breakpoint has length 1, an I/O breakpoint at most 4.
bool is_valid_slot(DebugCondition condition, Gva address, unsigned length);

// DR7. For a slot number of kDebugSlots or more, setters change nothing and getters return "disabled".
class Dr7 {
  public:
    constexpr Dr7() = default;
    static constexpr Dr7 from_raw(std::uint64_t raw) {
        Dr7 value;
        value.raw_ = (raw & kDefined) | kAlwaysSet;
        return value;
    }
    constexpr std::uint64_t raw() const { return raw_; }

    // Sets the slot's condition, length and global enable bit (a task switch would clear the local one).
    // Returns false and changes nothing if the field cannot hold the length or there is no such slot.
    bool enable(unsigned slot, DebugCondition condition, unsigned length);
    void disable(unsigned slot);

    bool enabled(unsigned slot) const;  // locally or globally
    bool any_enabled() const { return (raw_ & 0xff) != 0; }
    DebugCondition condition(unsigned slot) const;
    unsigned length(unsigned slot) const;  // in bytes

    // GD: a MOV to or from a debug register traps.
    bool general_detect() const { return (raw_ & kGeneralDetect) != 0; }
    void set_general_detect(bool on) { raw_ = on ? raw_ | kGeneralDetect : raw_ & ~kGeneralDetect; }

    friend constexpr bool operator==(Dr7, Dr7) = default;

  private:
    static constexpr std::uint64_t kAlwaysSet = 1u << 10;
    static constexpr std::uint64_t kGeneralDetect = 1u << 13;
    static constexpr std::uint64_t kDefined = 0xffff2fff;  // bits 12, 14, 15 and the upper half read as 0
    std::uint64_t raw_ = kAlwaysSet;
};

// DR6: the cause of a debug exception (17.2.3).
class Dr6 {
  public:
    constexpr Dr6() = default;
    static constexpr Dr6 from_raw(std::uint64_t raw) {
        Dr6 value;
        value.raw_ = raw;
        return value;
    }
    constexpr std::uint64_t raw() const { return raw_; }

    // Bn. The processor may set it for a slot that is not enabled: hits() takes DR7 into account.
    constexpr bool slot_condition(unsigned slot) const {
        return slot < kDebugSlots && ((raw_ >> slot) & 1) != 0;
    }
    // The enabled slots whose condition was met, as a mask of bits 0-3.
    unsigned hits(Dr7 dr7) const;

    static constexpr std::uint64_t kSlots = 0xf;                     // B0 to B3
    static constexpr std::uint64_t kDebugRegisterAccess = 1u << 13;  // BD
    static constexpr std::uint64_t kSingleStep = 1u << 14;           // BS
    static constexpr std::uint64_t kTaskSwitch = 1u << 15;           // BT

    constexpr bool debug_register_access() const { return (raw_ & kDebugRegisterAccess) != 0; }
    constexpr bool single_step() const { return (raw_ & kSingleStep) != 0; }
    // Everything above that is set.
    constexpr std::uint64_t causes() const {
        return raw_ & (kSlots | kDebugRegisterAccess | kSingleStep | kTaskSwitch);
    }
    constexpr bool only_single_step() const { return causes() == kSingleStep; }
    constexpr bool task_switch() const { return (raw_ & kTaskSwitch) != 0; }  // BT

    friend constexpr bool operator==(Dr6, Dr6) = default;

  private:
    std::uint64_t raw_ = 0xffff0ff0;
};

// A piece of memory that one slot can watch.
struct WatchChunk {
    Gva address;
    unsigned length = 1;
    friend bool operator==(const WatchChunk&, const WatchChunk&) = default;
};

// At most as many pieces as there are slots.
class WatchChunks {
  public:
    std::span<const WatchChunk> chunks() const { return std::span(chunks_).first(count_); }
    // Returns false if the list is full.
    bool push(WatchChunk chunk);

  private:
    std::array<WatchChunk, kDebugSlots> chunks_{};
    std::size_t count_ = 0;
};

// Splits [address, address + size) into the fewest aligned pieces of 1, 2, 4 or 8 bytes. Returns nullopt if
// that takes more than four pieces, if the size is 0, or if the range goes past the end of the address space.
// `largest` is 4 for a processor without 64-bit mode.
std::optional<WatchChunks> split_watch_range(Gva address, std::uint64_t size, unsigned largest = 8);

}  // namespace ringside::x86
