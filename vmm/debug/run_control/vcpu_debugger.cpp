#include "vmm/debug/run_control/vcpu_debugger.h"

#include <tuple>
#include <utility>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/exceptions.h"
#include "vmm/debug/breakpoints/guest_slots.h"
#include "vmm/debug/run_control/fatal_report.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/run_control/user_frame.h"

namespace ringside::debug {

namespace {

// #GP's error code for an int3 through a gate that CPL 3 may not use: index 3, in the IDT (SDM volume
// 3, 6.13).
constexpr std::uint64_t kBreakpointGateError = 3 << 3 | 2;

}  // namespace

void VcpuDebugger::before_entry(const x86::CpuState* known) {
    if (fatal_) {
        report(gdbstub::StoppedBySignal{gdbstub::Signal::Segv, false}, *fatal_);
        return;
    }
    reported_ = false;
    range_steps_ = 0;
    own_.reset();
    slots_short_ = false;
    // With nothing armed before and nothing now, a resume costs no ioctl.
    if (!stepping() && armed_.control == 0 && context_.table.empty())
        return;
    thread_.vcpu().sync_system_registers(false);
    if (known != nullptr) {
        general_ = known->general;
        system_ = known->system;
    } else if (!refresh()) {
        return;
    }
    look_at_own_slots();
    if (leave_known_breakpoint())
        return;
    if (stepping() && stop_at_stepped_breakpoint())
        return;
    arm();
}

// ---- Debug exits

bool VcpuDebugger::refresh() {
    kvm::Vcpu& vcpu = thread_.vcpu();
    if (vcpu.has_synced_registers() && vcpu.syncs_system_registers()) {
        general_ = kvm::from_kvm(vcpu.synced_registers());
        system_ = vcpu.synced_system();
        return true;
    }
    const auto general = vcpu.general();
    const auto system = vcpu.system();
    if (!general || !system) {
        fail(general ? system.error() : general.error());
        return false;
    }
    general_ = *general;
    system_ = *system;
    return true;
}

bool VcpuDebugger::write_back() {
    if (auto r = thread_.vcpu().set_general(general_); !r) {
        fail(r.error());
        return false;
    }
    return true;
}

void VcpuDebugger::on_debug_exit() {
    if (!refresh())
        return;
    const auto& debug = thread_.vcpu().shared().debug.arch;
    const auto dr6 = x86::Dr6::from_raw(debug.dr6);
    const bool is_int3 = debug.exception == number(x86::ExceptionVector::Breakpoint);
    if (is_int3 || !dr6.single_step())
        leave_step_unfinished();
    if (is_int3)
        return on_int3();
    own_trap_pending_ = false;
    if (is_echo(dr6))
        return;
    if (armed_.dr7.general_detect() && dr6.debug_register_access())
        return on_debug_register_access();
    const bool was_stepping = (armed_.control & KVM_GUESTDBG_SINGLESTEP) != 0;
    const unsigned own = own_hits(dr6, x86::Dr7::from_raw(debug.dr7));
    if (own != 0 && !give_back_own_hits(own))
        return;
    if (const unsigned hits = debugger_hits(armed_, dr6.hits(armed_.dr7)); hits != 0)
        return on_slots(hits);
    if (own != 0 && !(was_stepping && dr6.single_step()))
        return go_on_with_pending_trap();
    if (was_stepping && debug.exception == number(x86::ExceptionVector::Debug)) {
        // Seen with emulated VMX on a vCPU's first entry: the trap comes before the instruction. That is no
        // step.
        if (!step_off_ && !step_may_stay_ && general_.rip == step_start_)
            return arm();
        return on_step();
    }
    (void)inject_debug_exception(debug.dr6);  // nobody here has asked for it: the guest's own TF
}

void VcpuDebugger::on_int3() {
    const auto page = context_.view.translate(system_, linear_pc());
    Breakpoint* breakpoint = page ? context_.table.int3_at(page->gpa) : nullptr;
    if (breakpoint != nullptr)
        hit(*breakpoint);
    else
        give_back_breakpoint();
}

// Of several slots that hit at once the table's comes first: it is the one that a user asked for.
void VcpuDebugger::on_slots(unsigned hits) {
    hide_trap_flag();
    const auto& owner = plan().owner;
    auto use = SlotUse::None;
    for (unsigned slot = 0; slot < x86::kDebugSlots; ++slot) {
        if ((hits >> slot & 1) == 0)
            continue;
        if (armed_.use[slot] == SlotUse::Plan && owner[slot] != nullptr)
            return hit(*owner[slot]);
        use = armed_.use[slot];
    }
    switch (use) {
        case SlotUse::DebugHandler:
            return on_user_debug();
        case SlotUse::BreakpointHandler:
            return on_user_int3(false);
        case SlotUse::ProtectionHandler:
            return on_user_int3(true);
        default:
            return on_step();
    }
}

// The guest's #DB handler was entered. If by the trap flag that we lent to user code, the step is done.
void VcpuDebugger::on_user_debug() {
    const auto frame = user_frame(context_.view, general_, system_, false);
    if (!frame || !trap_flag_lent_ || !undo_delivery(context_.view, *frame, general_, system_))
        return pass_over();
    take_trap_flag_back();
    if (auto r = thread_.vcpu().set_system(system_); !r)
        return fail(r.error());
    if (write_back())
        on_step();
}

// The guest's #BP handler was entered, or its #GP handler on account of an int3. If the int3 is ours, it is a
// hit in user code.
void VcpuDebugger::on_user_int3(bool has_error_code) {
    const auto frame = user_frame(context_.view, general_, system_, has_error_code);
    if (!frame || (has_error_code && frame->error_code != kBreakpointGateError))
        return pass_over();
    UserFrame at_int3 = *frame;
    if (!has_error_code)  // a trap: the pushed RIP is behind the int3
        --at_int3.rip;
    const auto page = context_.view.translate(system_, Gva{at_int3.rip});
    Breakpoint* breakpoint = page ? context_.table.int3_at(page->gpa) : nullptr;
    if (breakpoint == nullptr || !undo_delivery(context_.view, at_int3, general_, system_))
        return pass_over();
    take_trap_flag_back();
    if (auto r = thread_.vcpu().set_system(system_); !r)
        return fail(r.error());
    if (write_back())
        hit(*breakpoint);
}

// Seen with emulated VMX: where KVM has finished the stepped instruction by itself, the trap comes once more
// at the next entry, although nothing is being stepped by then. It is not the guest's.
bool VcpuDebugger::is_echo(x86::Dr6 dr6) {
    constexpr std::uint64_t kReasons = 0xe00f, kSingleStep = 0x4000;
    const auto stepped_to = std::exchange(stepped_to_, std::nullopt);
    return (armed_.control & KVM_GUESTDBG_SINGLESTEP) == 0 && (dr6.raw() & kReasons) == kSingleStep &&
           stepped_to == general_.rip && (general_.rflags & x86::rflags::kTf) == 0;
}

void VcpuDebugger::on_step() {
    stepped_to_ = general_.rip;
    if (step_off_) {
        end_step_off();
        if (!stepping())
            return;
    }
    hide_trap_flag();
    const auto& watchpoints = plan().stepped_watchpoints;
    if (!watchpoints.empty()) {
        if (Breakpoint* touched = watch_.after(watchpoints, context_.view, general_, system_))
            return hit(*touched);
    }
    if (ends_here())
        return;
    if (stepping())
        next_step();
    else
        arm();
}

// Whether the client must hear of the step that has led here; reports it if so.
bool VcpuDebugger::ends_here() {
    const auto* range = std::get_if<gdbstub::RangeStep>(&action_);
    const bool left = range != nullptr && (general_.rip < range->start || general_.rip >= range->end);
    if (left || std::holds_alternative<gdbstub::Step>(action_)) {
        report(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, true});
        return true;
    }
    if (range != nullptr)
        ++range_steps_;
    return stop_at_stepped_breakpoint();
}

// PUSHF stores the TF with which it is stepped; the guest must not see it. (KVM hides TF in RFLAGS itself
// while it steps, so a guest's own TF at this moment cannot be told from ours.)
void VcpuDebugger::hide_trap_flag() {
    if (step_.kind != x86::StepKind::PushFlags)
        return;
    step_ = {};
    (void)clear_trap_flag(context_.view, system_, x86::linear_sp(general_, system_));
}

bool VcpuDebugger::stop_at_stepped_breakpoint() {
    const Gva pc = linear_pc();
    for (Breakpoint* breakpoint : plan().stepped_breakpoints) {
        if (breakpoint->request.address != pc.value || !is_meant_here(*breakpoint))
            continue;
        ++breakpoint->hits;
        if (wants_stop(*breakpoint)) {
            report_breakpoint(breakpoint->request.kind);
            return true;
        }
    }
    return false;
}

// ---- Breakpoints

bool VcpuDebugger::is_meant_here(const Breakpoint& breakpoint) const {
    return !breakpoint.address_space || context_.view.in_address_space(system_, *breakpoint.address_space,
                                                                       Gva{breakpoint.request.address});
}

bool VcpuDebugger::wants_stop(const Breakpoint& breakpoint) {
    const auto& [conditions, commands] = std::tie(breakpoint.request.conditions, breakpoint.request.commands);
    if (!conditions.empty() && !conditions_.any_holds(conditions, general_, system_))
        return false;
    if (commands.empty())
        return true;
    context_.print(conditions_.run(commands, general_, system_));
    return false;
}

void VcpuDebugger::hit(Breakpoint& breakpoint) {
    if (!is_meant_here(breakpoint))
        return step_off(breakpoint);
    ++breakpoint.hits;
    if (!wants_stop(breakpoint))
        return step_off(breakpoint);
    switch (breakpoint.request.kind) {
        case gdbstub::BreakpointKind::Software:
        case gdbstub::BreakpointKind::Hardware:
            return report_breakpoint(breakpoint.request.kind);
        case gdbstub::BreakpointKind::WriteWatch:
            return report(
                gdbstub::StoppedByWatchpoint{gdbstub::WatchKind::Write, breakpoint.request.address});
        case gdbstub::BreakpointKind::ReadWatch:
            return report(gdbstub::StoppedByWatchpoint{gdbstub::WatchKind::Read, breakpoint.request.address});
        case gdbstub::BreakpointKind::AccessWatch:
            return report(
                gdbstub::StoppedByWatchpoint{gdbstub::WatchKind::Access, breakpoint.request.address});
    }
}

// An int3 is out for everyone while it is stepped over, so the other vCPUs rest for that long; a slot is this
// vCPU's own. A watchpoint has let its instruction through already.
void VcpuDebugger::step_off(Breakpoint& breakpoint) {
    if (breakpoint.is_watchpoint())
        return arm();
    classify();
    if (at_halt()) {
        do_halt();
        return arm();
    }
    if (breakpoint.mechanism != Mechanism::Int3)
        return begin_step_off(std::nullopt);
    if (!context_.coordinator.begin_exclusive(thread_.index()))
        return;  // it will be hit again
    context_.table.lift(breakpoint.gpa);
    begin_step_off(breakpoint.gpa);
}

void VcpuDebugger::pass_over() {
    begin_step_off(std::nullopt);
}

void VcpuDebugger::begin_step_off(std::optional<Gpa> lifted) {
    step_off_ = StepOff{lifted};
    step_ = {};
    arm_step_off();
}

void VcpuDebugger::arm_step_off() {
    SlotSetup setup;
    add_single_step(setup);
    share_slots(setup);
    program(setup, true);
}

void VcpuDebugger::end_step_off() {
    if (step_off_->lifted) {
        context_.table.put_back(*step_off_->lifted);
        context_.coordinator.end_exclusive(thread_.index());
    }
    step_off_.reset();
    arm();
}

// A stop may come before a step is done. A breakpoint that was lifted goes back in, to be hit again later; a
// trap flag that user code was lent is taken back where it still is in RFLAGS.
void VcpuDebugger::on_parked() {
    const bool may_be_mid_step = (armed_.control & KVM_GUESTDBG_SINGLESTEP) != 0 && !reported_;
    if (!step_off_ && !trap_flag_lent_ && !may_be_mid_step)
        return;
    thread_.vcpu().sync_system_registers(false);
    if (!refresh())
        return;
    leave_step_unfinished();
    if (step_off_)
        end_step_off();
    if (trap_flag_lent_ && blind_here()) {
        take_trap_flag_back();
        write_back();
    }
}

// ---- Ends

void VcpuDebugger::on_fatal_exit(machine::FatalExit cause) {
    if (!refresh())
        return;
    if (cause == machine::FatalExit::EmulationFailure) {
        const auto page = context_.view.translate(system_, linear_pc());
        const auto byte = page ? context_.view.memory().span(page->gpa, 1) : std::span<std::byte>{};
        if (!byte.empty() && byte[0] == std::byte{0xcc})
            return on_int3();
        if (complete_instruction())
            return;
    }
    fatal_ = fatal_report(thread_, cause, context_.view, general_, system_);
    context_.on_fatal(thread_.index(), cause, *fatal_);
    const auto signal =
        cause == machine::FatalExit::EmulationFailure ? gdbstub::Signal::Ill : gdbstub::Signal::Segv;
    report(gdbstub::StoppedBySignal{signal, false}, *fatal_);
}

// Does what KVM could not do. What follows an instruction follows this one too: the end of a step, or the
// guest's own trap.
bool VcpuDebugger::complete_instruction() {
    const auto after = completion_.complete(thread_.vcpu(), context_.view, general_, system_);
    if (!after)
        return false;
    if (!std::exchange(told_of_completion_, true))
        context_.on_completed(thread_.index());
    general_ = *after;
    if (!write_back())
        return true;
    if ((armed_.control & KVM_GUESTDBG_SINGLESTEP) != 0)
        on_step();
    else if ((general_.rflags & x86::rflags::kTf) != 0 && give_back_own_step())
        go_on_with_pending_trap();
    return true;
}

// Only at a debug exit whose registers have been looked at, which are therefore the stop's.
void VcpuDebugger::report(gdbstub::StopReason reason, std::string console) {
    reported_ = true;
    shown_at_ = counts_from_segment() ? std::optional(linear_pc()) : std::nullopt;
    context_.coordinator.report(thread_.index(), {thread_of(thread_.index()), reason, std::move(console)});
}

// KVM refused what the debugger needs of it: the vCPU stops, and the client reads why.
void VcpuDebugger::fail(const Error& error) {
    report(gdbstub::StoppedBySignal{gdbstub::Signal::Abort, false}, error.message() + "\n");
    reported_ = false;  // whatever it was that failed, they are fetched anew
}

}  // namespace ringside::debug
