#include "vmm/debug/run_control/user_code.h"

#include "arch/x86_64/exceptions.h"
#include "vmm/debug/guest/guest_tables.h"
#include "vmm/debug/run_control/user_frame.h"

namespace ringside::debug {

namespace {

// #GP's error code for an int3 through a gate that CPL 3 may not use.
constexpr std::uint64_t kBreakpointGateError = x86::idt_error_code(x86::ExceptionVector::Breakpoint);

}  // namespace

std::optional<Gva> UserCode::debug_handler() const {
    const auto gate = interrupt_gate(view_, at_.general, at_.system, number(x86::ExceptionVector::Debug));
    return gate ? std::optional(gate->handler) : std::nullopt;
}

void UserCode::add_handlers(SlotSetup& setup, bool int3s, bool steps) const {
    if (abilities_.step_user)
        return;
    const auto gate_of = [this](x86::ExceptionVector vector) {
        return interrupt_gate(view_, at_.general, at_.system, number(vector));
    };
    if (int3s) {
        const auto gate = gate_of(x86::ExceptionVector::Breakpoint);
        if (gate && gate->dpl == 3) {
            setup.add(SlotUse::BreakpointHandler, gate->handler);
        } else if (const auto fault = gate_of(x86::ExceptionVector::GeneralProtection)) {
            setup.add(SlotUse::ProtectionHandler, fault->handler);
        }
    }
    if (trap_flag_set_ && !(steps && unstepped_here())) {
        if (const auto handler = debug_handler())
            setup.add(SlotUse::DebugHandler, *handler);
    }
}

Result<void> UserCode::add_step(SlotSetup& setup) {
    const auto handler = debug_handler();
    if (!handler)
        return {};
    if (!at_.trap_flag()) {
        at_.set_trap_flag();
        TRY(at_.store_general());
        trap_flag_set_ = true;
    }
    setup.add(SlotUse::DebugHandler, *handler);
    return {};
}

Result<void> UserCode::take_trap_flag() {
    if (!trap_flag_set_ || !unstepped_here())
        return {};
    clear_trap_flag();
    return at_.store_general();
}

void UserCode::clear_trap_flag() {
    if (trap_flag_set_)
        at_.clear_trap_flag();
    trap_flag_set_ = false;
}

// The registers are the user code's again, as if the exception had not been delivered.
Result<void> UserCode::return_to_user_code() {
    clear_trap_flag();
    TRY(at_.store_system());
    return at_.store_general();
}

Result<UserCode::Cause> UserCode::undo_delivery(SlotUse handler) {
    return handler == SlotUse::DebugHandler ? undo_debug() : undo_int3(handler == SlotUse::ProtectionHandler);
}

Result<UserCode::Cause> UserCode::undo_debug() {
    const auto frame = user_frame(view_, at_.general, at_.system, false);
    if (!frame || !trap_flag_set_ || !debug::undo_delivery(view_, *frame, at_.general, at_.system))
        return Cause{};
    TRY(return_to_user_code());
    return Cause{.stepped = true};
}

Result<UserCode::Cause> UserCode::undo_int3(bool has_error_code) {
    const auto frame = user_frame(view_, at_.general, at_.system, has_error_code);
    if (!frame || (has_error_code && frame->error_code != kBreakpointGateError))
        return Cause{};
    UserFrame at_int3 = *frame;
    if (!has_error_code)  // a trap: the pushed RIP is after the int3
        --at_int3.rip;
    Breakpoint* breakpoint = step_off_.planted_at(view_, at_.system, Gva{at_int3.rip});
    if (breakpoint == nullptr || !debug::undo_delivery(view_, at_int3, at_.general, at_.system))
        return Cause{};
    TRY(return_to_user_code());
    return Cause{.breakpoint = breakpoint};
}

}  // namespace ringside::debug
