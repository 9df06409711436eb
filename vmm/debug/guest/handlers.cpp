#include "vmm/debug/guest/handlers.h"

#include <array>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/cpu_mode.h"
#include "arch/x86_64/exceptions.h"
#include "vmm/debug/guest/guest_tables.h"

namespace ringside::debug {

namespace {

bool in_real_mode(const x86::SystemRegisters& system) {
    return (system.cr0 & x86::cr0::kPe) == 0;
}

bool in_long_mode(const x86::SystemRegisters& system) {
    return (system.efer & x86::efer::kLma) != 0;
}

HandlerLookup real_mode_handler(const GuestView& view, const x86::SystemRegisters& system,
                                std::uint8_t vector) {
    constexpr unsigned kBytes = x86::kRealModeVectorBytes;
    if (vector * kBytes + kBytes - 1 > system.idtr.limit)
        return NoHandler::NoTable;
    const auto entry = view.load(system, Gva{system.idtr.base + vector * kBytes}, kBytes);
    if (!entry)
        return NoHandler::Unreadable;
    if (*entry == 0)
        return NoHandler::NoVector;
    const auto handler = x86::decode_real_mode_vector(static_cast<std::uint32_t>(*entry));
    return Handler{Gva{handler.address()}, x86::FrameWidth::Bits16};
}

x86::FrameWidth width_of(x86::GateKind kind, bool long_mode) {
    if (long_mode)
        return x86::FrameWidth::Bits64;
    const bool narrow = kind == x86::GateKind::Interrupt16 || kind == x86::GateKind::Trap16;
    return narrow ? x86::FrameWidth::Bits16 : x86::FrameWidth::Bits32;
}

}  // namespace

const char* describe(NoHandler why) {
    switch (why) {
        case NoHandler::NoTable:
            return "the guest has loaded no table that reaches this vector";
        case NoHandler::Unreadable:
            return "its gate, or the segment that the gate names, cannot be read";
        case NoHandler::Empty:
            return "its gate is empty";
        case NoHandler::NoVector:
            return "real mode's vector for it is 0";
        case NoHandler::TaskGate:
            return "its gate is a task gate, which switches tasks and pushes no frame";
        case NoHandler::NotAGate:
            return "its entry of the IDT is no interrupt or trap gate";
    }
    return "";
}

HandlerLookup find_handler(const GuestView& view, const x86::SystemRegisters& system, std::uint8_t vector) {
    if (in_real_mode(system))
        return real_mode_handler(view, system, vector);
    const bool long_mode = in_long_mode(system);
    const unsigned size = long_mode ? 16 : 8;
    if (vector * size + size - 1 > system.idtr.limit)
        return NoHandler::NoTable;
    const auto gate = idt_entry(view, system, long_mode, vector);
    if (!gate)
        return NoHandler::Unreadable;
    if (!gate->present)
        return NoHandler::Empty;
    if (gate->kind == x86::GateKind::Task)
        return NoHandler::TaskGate;
    if (!gate->is_interrupt_or_trap())
        return NoHandler::NotAGate;
    const auto width = width_of(gate->kind, long_mode);
    if (long_mode)
        return Handler{Gva{gate->offset}, width};
    const auto code = table_segment(view, system, gate->selector);
    if (!code)
        return NoHandler::Unreadable;
    return Handler{Gva{(code->base + gate->offset) & 0xffffffff}, width};
}

std::optional<x86::ExceptionFrame> entry_frame(const GuestView& view, const x86::GeneralRegisters& general,
                                               const x86::SystemRegisters& system, std::uint8_t vector) {
    const auto found = find_handler(view, system, vector);
    const auto* handler = std::get_if<Handler>(&found);
    if (handler == nullptr || handler->address != x86::linear_pc(general, system))
        return std::nullopt;
    const bool real_mode = in_real_mode(system);
    const bool has_error_code = !real_mode && x86::has_error_code(vector);
    if (handler->width == x86::FrameWidth::Bits64 &&
        x86::error_code_was_pushed(general.rsp) != has_error_code)
        return std::nullopt;
    std::array<std::byte, x86::kMostFrameWords * sizeof(std::uint64_t)> stack{};
    const auto size =
        view.fetch(system, x86::linear_sp(general, system),
                   std::span(stack).first(x86::kMostFrameWords * static_cast<std::size_t>(handler->width)));
    const unsigned level = real_mode ? 3 : x86::privilege_level(general, system);
    const auto frame = x86::decode_frame(std::span(stack).first(size), handler->width, has_error_code, level);
    if (!frame || !x86::is_plausible(*frame))
        return std::nullopt;
    return frame;
}

}  // namespace ringside::debug
