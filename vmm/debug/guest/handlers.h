// The guest's handlers of interrupts and exceptions: where each is, and what led to one that begins.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "arch/x86_64/exception_frame.h"
#include "vmm/debug/guest/guest_view.h"

namespace ringside::debug {

struct Handler {
    Gva address;
    x86::FrameWidth width = x86::FrameWidth::Bits64;
    friend bool operator==(const Handler&, const Handler&) = default;
};

enum class NoHandler : std::uint8_t {
    NoTable,     // IDTR's limit does not reach the vector: nobody has loaded a table yet, as a rule
    Unreadable,  // the table's entry, or the segment that it names, is not in memory
    Empty,       // the gate is not present
    NoVector,    // real mode's vector is 0
    TaskGate,
    NotAGate,
};
// "its gate is a task gate", ...
const char* describe(NoHandler);

using HandlerLookup = std::variant<Handler, NoHandler>;

// The handler that the vCPU's IDT, or real mode's vector table, names for a vector.
HandlerLookup find_handler(const GuestView& view, const x86::SystemRegisters& system, std::uint8_t vector);

// The frame of a vCPU that is at the first instruction of a vector's handler. Nothing if something else has led there: a
// jump, an INT n where the exception pushes an error code, another vector's event where one has and the other has not.
std::optional<x86::ExceptionFrame> entry_frame(const GuestView& view, const x86::GeneralRegisters& general,
                                               const x86::SystemRegisters& system, std::uint8_t vector);

}  // namespace ringside::debug
