#include "vmm/exit_monitor/handler_catch.h"

#include <algorithm>

#include <fmt/format.h>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/register_value.h"

namespace ringside::debug {

namespace {

using exits::CatchField;

const x86::RegisterInfo* find_register(const x86::RegisterFile& registers, const std::string& name) {
    const auto* info = registers.find(name);
    return info != nullptr && x86::has_value(*info) ? info : nullptr;
}

// The registers of the interrupted code, as far as the frame has them.
x86::CpuState interrupted_state(const x86::ExceptionFrame& frame, const x86::GeneralRegisters& general,
                                const x86::SystemRegisters& system) {
    x86::CpuState state;
    state.general = general;
    state.system = system;
    const std::uint64_t words = frame.error_code ? 4 : 3;
    state.general.rsp = frame.rsp.value_or(general.rsp + words * static_cast<std::uint64_t>(frame.width));
    state.general.rip = frame.rip;
    state.general.rflags = frame.flags;
    state.system.cs.selector = frame.cs;
    state.system.ss.selector = frame.ss.value_or(system.ss.selector);
    return state;
}

// The address that symbols have. RIP of 16-bit code counts from its segment, and in protected mode the frame does not say
// where that begins: nullopt then.
std::optional<std::uint64_t> linear(const x86::ExceptionFrame& frame, const x86::SystemRegisters& system) {
    if (frame.width != x86::FrameWidth::Bits16)
        return frame.rip;
    if ((system.cr0 & x86::cr0::kPe) != 0)
        return std::nullopt;
    return frame.cs * std::uint64_t{16} + frame.rip;
}

}  // namespace

Result<std::unique_ptr<HandlerCatch>> HandlerCatch::make(unsigned number, const exits::CatchRule& rule,
                                                         const x86::RegisterFile& registers,
                                                         const GuestView& view, SymbolOf symbol_of) {
    for (const auto& condition : rule.conditions) {
        if (condition.field == CatchField::Register && find_register(registers, condition.name) == nullptr)
            return failure("catch " + rule.text,
                           fmt::format("\"{}\" is not error, cr2, cpl, rip or a register", condition.name),
                           "For example: catch exception pf if error & 2 and rdi != 0");
    }
    return std::unique_ptr<HandlerCatch>(
        new HandlerCatch(number, rule, registers, view, std::move(symbol_of)));
}

std::string HandlerCatch::describe(const HandlerLookup& handler) const {
    if (const auto* none = std::get_if<NoHandler>(&handler))
        return fmt::format("no handler: {}", debug::describe(*none));
    return "the handler at " + with_symbol(std::get<Handler>(handler).address.value, symbol_of_);
}

std::uint64_t HandlerCatch::value_of(const exits::CatchCondition& condition, const x86::ExceptionFrame& frame,
                                     const x86::GeneralRegisters& general,
                                     const x86::SystemRegisters& system) const {
    switch (condition.field) {
        case CatchField::ErrorCode:
            return frame.error_code.value_or(0);
        case CatchField::Cr2:
            return system.cr2;
        case CatchField::Level:
            return frame.privilege_level((system.cr0 & x86::cr0::kPe) == 0);
        case CatchField::Register:  // make() has found it
            return *x86::register_value(registers_, interrupted_state(frame, general, system),
                                        *find_register(registers_, condition.name));
        default:
            return frame.rip;
    }
}

std::optional<std::string> HandlerCatch::judge(const JudgedHit& hit) {
    const auto& general = hit.general;
    const auto& system = hit.system;
    const auto frame = entry_frame(view_, general, system, rule_.vector);
    if (!frame)
        return std::nullopt;
    const bool wanted = std::ranges::all_of(rule_.conditions, [&](const auto& condition) {
        return holds(condition, value_of(condition, *frame, general, system));
    });
    if (!wanted || hits_.fetch_add(1, std::memory_order_relaxed) + 1 < rule_.count)
        return std::nullopt;
    const auto address = linear(*frame, system);
    const auto symbol = address ? symbol_of_(*address) : std::string();
    return fmt::format("Ringside: vCPU {} took {}.\n", hit.vcpu.value,
                       x86::describe_event(rule_.vector, *frame, system.cr2, symbol));
}

std::string HandlerCatch::moved(VcpuIndex vcpu, const HandlerLookup& from, const HandlerLookup& to) {
    return fmt::format("Ringside: rule {} ({}) on vCPU {}: {} now; before, {}.\n", number_, rule_.text,
                       vcpu.value, describe(to), describe(from));
}

}  // namespace ringside::debug
