// Descriptors, gates and task state segments, decoded from the bytes in guest memory (SDM volume 3, 3.4.5, 3.5, 6.11,
// 6.14.1, 7.2 and 7.7).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "arch/x86_64/cpu_state.h"

namespace ringside::x86 {

// A selector (SDM volume 3, 3.4.2).
inline constexpr std::uint16_t kSelectorOfLdt = 1u << 2;
inline constexpr std::uint16_t kSelectorOffset = 0xfff8;  // of the descriptor in its table
constexpr unsigned requested_privilege(std::uint64_t selector) {
    return static_cast<unsigned>(selector & 3);
}

// The type of a descriptor (SDM volume 3, 3.4.5.1 and 3.5).
namespace descriptor_type {
// Bits of a code or data segment's.
inline constexpr std::uint8_t kCode = 1u << 3;
// Values, of segments that have been accessed, and of system segments.
inline constexpr std::uint8_t kCodeExecuteRead = 0xb;
inline constexpr std::uint8_t kDataReadWrite = 0x3;
inline constexpr std::uint8_t kLdt = 0x2;
inline constexpr std::uint8_t kBusyTss = 0xb;
}  // namespace descriptor_type

inline constexpr unsigned kDescriptorBytes = 8;

enum class GateKind : std::uint8_t { None, Task, Interrupt16, Trap16, Interrupt, Trap, Call16, Call };
// "task", "16-bit interrupt", "interrupt", ...
std::string_view name(GateKind kind);

struct Gate {
    GateKind kind = GateKind::None;  // None: the entry is no gate
    bool present = false;
    std::uint16_t selector = 0;
    std::uint64_t offset = 0;
    unsigned dpl = 0;          // the least privileged level at which INT n may use it
    unsigned stack_table = 0;  // IST, in long mode

    // Returns true for the gates that an interrupt or exception goes through without a task switch.
    bool is_interrupt_or_trap() const { return kind >= GateKind::Interrupt16 && kind <= GateKind::Trap; }
};

// The size of an entry of the IDT.
constexpr unsigned gate_bytes(bool long_mode) {
    return long_mode ? 16 : 8;
}
// `high` is the second half of a 16-byte gate of long mode, otherwise 0.
Gate decode_gate(std::uint64_t low, std::uint64_t high);

// An entry of real mode's interrupt vector table (SDM volume 3, 20.1.4): the handler's far address.
struct RealModeVector {
    std::uint16_t segment = 0, offset = 0;

    std::uint64_t address() const { return segment * std::uint64_t{16} + offset; }
};
inline constexpr unsigned kRealModeVectorBytes = 4;
inline constexpr std::uint16_t kRealModeTableLimit = 256 * kRealModeVectorBytes - 1;
constexpr RealModeVector decode_real_mode_vector(std::uint32_t entry) {
    return {static_cast<std::uint16_t>(entry >> 16), static_cast<std::uint16_t>(entry)};
}

// A segment descriptor as a segment register holds it; `selector` is copied. `high` extends the base of a system
// descriptor in long mode.
Segment decode_descriptor(std::uint16_t selector, std::uint64_t low, std::uint64_t high = 0);

// The reverse, without the high half of a system descriptor's base.
std::uint64_t encode_descriptor(const Segment& segment);

// Returns true if the descriptor takes two entries in long mode: LDT, TSS and call gates.
bool is_wide(const Segment& descriptor);

// "code, execute/read, 64-bit", "data, read/write", "64-bit TSS, busy", "LDT", ...
std::string describe_descriptor(const Segment& descriptor, bool long_mode);

// What a task state segment holds that the processor uses while the task runs.
struct TaskState {
    enum class Width : std::uint8_t { Bits16, Bits32, Bits64 } width = Width::Bits64;
    std::array<std::uint64_t, 3> stacks{};            // SP or ESP or RSP of levels 0 to 2
    std::array<std::uint16_t, 3> stack_segments{};    // not in 64 bits
    std::array<std::uint64_t, 7> interrupt_stacks{};  // IST1 to IST7, in 64 bits only
    std::uint64_t cr3 = 0;                            // in 32 bits only
    std::uint16_t back_link = 0;                      // not in 64 bits
    std::optional<std::uint16_t> io_map;              // not in 16 bits
};

// Offsets in the 64-bit and the 32-bit one.
inline constexpr std::uint64_t kTaskStateRsp0 = 4, kTaskStateEsp0 = 4;
inline constexpr std::uint64_t kTaskStateInterruptStacks = 36;  // IST1, of 7

inline constexpr std::uint32_t kTaskStateLimit64 = 0x67;  // of a 64-bit one without an I/O map

// The size of the fixed part.
std::size_t task_state_size(TaskState::Width width);
TaskState::Width task_state_width(const Segment& tr, bool long_mode);
// `bytes` holds at least task_state_size() bytes.
TaskState decode_task_state(std::span<const std::byte> bytes, TaskState::Width width);

}  // namespace ringside::x86
