// Debug exceptions of user code on a host whose KVM does not report them (user_frame.h).

#include "arch/x86_64/exceptions.h"
#include "vmm/debug/guest/guest_tables.h"
#include "vmm/debug/run_control/user_frame.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

namespace {

// #GP's error code for an int3 through a gate that CPL 3 may not use: index 3, in the IDT (SDM volume 3, 6.13).
constexpr std::uint64_t kBreakpointGateError = 3 << 3 | 2;

}  // namespace

// The handlers that user code's int3s lead to, and a TF that is still set in some saved RFLAGS.
void VcpuDebugger::add_user_handlers(SlotSetup& setup) {
    const auto gate_of = [this](x86::ExceptionVector vector) {
        return interrupt_gate(context_.view, at_.general, at_.system, number(vector));
    };
    if (plan().user_int3s) {
        const auto gate = gate_of(x86::ExceptionVector::Breakpoint);
        if (gate && gate->dpl == 3) {
            setup.add(SlotUse::BreakpointHandler, gate->handler);
        } else if (const auto fault = gate_of(x86::ExceptionVector::GeneralProtection)) {
            setup.add(SlotUse::ProtectionHandler, fault->handler);
        }
    }
    if (user_trap_flag_.is_set() && !(must_step() && blind_here())) {
        if (const auto gate = gate_of(x86::ExceptionVector::Debug))
            setup.add(SlotUse::DebugHandler, gate->handler);
    }
}

// The registers are the user code's again, as if the exception had not been delivered.
bool VcpuDebugger::return_to_user_code() {
    user_trap_flag_.clear(at_);
    return done(at_.store_system()) && done(at_.store_general());
}

// The guest's #DB handler was entered. If by the TF that was set in user code, the step is done.
void VcpuDebugger::on_user_debug() {
    const auto frame = user_frame(context_.view, at_.general, at_.system, false);
    if (!frame || !user_trap_flag_.is_set() || !undo_delivery(context_.view, *frame, at_.general, at_.system))
        return pass_over();
    if (return_to_user_code())
        on_step();
}

// The guest's #BP handler was entered, or its #GP handler on account of an int3. If the int3 is the debugger's, it is a
// hit in user code.
void VcpuDebugger::on_user_int3(bool has_error_code) {
    const auto frame = user_frame(context_.view, at_.general, at_.system, has_error_code);
    if (!frame || (has_error_code && frame->error_code != kBreakpointGateError))
        return pass_over();
    UserFrame at_int3 = *frame;
    if (!has_error_code)  // a trap: the pushed RIP is behind the int3
        --at_int3.rip;
    const auto page = context_.view.translate(at_.system, Gva{at_int3.rip});
    Breakpoint* breakpoint = page ? context_.table.planted_at(page->gpa) : nullptr;
    if (breakpoint == nullptr || step_off_.has_lifted(breakpoint->gpa) ||
        !undo_delivery(context_.view, at_int3, at_.general, at_.system))
        return pass_over();
    step_off_.end();
    if (return_to_user_code())
        hit(*breakpoint, false);
}

}  // namespace ringside::debug
