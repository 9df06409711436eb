// The guest's handlers of interrupts and exceptions: where each is, and which event began one.
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
    NoTable,     // IDTR's limit does not include the vector: usually no table has been loaded yet
    Unreadable,  // the table's entry, or the segment that it names, is not in memory
    Empty,       // the gate is not present
    NoVector,    // real mode's vector is 0
    TaskGate,
    NotAGate,
};
// "its gate is a task gate", ...
const char* describe(NoHandler);

using HandlerLookup = std::variant<Handler, NoHandler>;

// The handler for a vector in the vCPU's IDT, or in real mode's vector table.
HandlerLookup find_handler(const GuestView& view, const x86::SystemRegisters& system, std::uint8_t vector);

// The frame of a vCPU that is at the first instruction of a vector's handler. nullopt if something else has led there:
// a jump, an INT n where the exception pushes an error code, or the event of a vector that differs in this.
std::optional<x86::ExceptionFrame> entry_frame(const GuestView& view, const x86::GeneralRegisters& general,
                                               const x86::SystemRegisters& system, std::uint8_t vector);

}  // namespace ringside::debug
