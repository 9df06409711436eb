#include "vmm/debug/vcpu_debugger.h"

#include <algorithm>
#include <cstring>

#include "vmm/debug/fatal_report.h"
#include "vmm/debug/step_target.h"
#include "vmm/debug/thread_ids.h"

namespace ringside::debug {

namespace {

constexpr std::uint32_t kDebugVector = 1, kBreakpointVector = 3;
constexpr std::uint32_t kMsrLstar = 0xc0000082, kMsrSysenterEip = 0x176;
constexpr std::byte kTrapFlagInSecondByte{1};  // RFLAGS bit 8
constexpr std::size_t kLongestInstruction = 15;

std::optional<Gva> read_msr(const kvm::Vcpu& vcpu, std::uint32_t index) {
    kvm::Msr msr{index, 0};
    const auto count = vcpu.read_msrs({&msr, 1});
    return count && *count == 1 ? std::optional(Gva{msr.value}) : std::nullopt;
}

}  // namespace

// ---- Arming

void VcpuDebugger::before_entry() {
    if (fatal_) {
        report(gdbstub::StoppedBySignal{gdbstub::Signal::Segv, false}, *fatal_);
        return;
    }
    // With nothing armed before and nothing now, a resume costs no ioctl.
    if (!stepping() && control_ == 0 && context_.table.empty())
        return;
    thread_.vcpu().sync_system_registers(false);
    if (!refresh())
        return;
    if (stepping() && stop_at_stepped_breakpoint())
        return;
    arm();
}

void VcpuDebugger::arm() {
    const DebugPlan& plan = context_.table.plan();
    std::uint32_t control = 0;
    if (plan.int3s)
        control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
    if (plan.dr7.any_enabled())
        control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
    if (stepping()) {
        control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
        // A client's step stays in the code that it steps; stepping that stands in for a watchpoint must let
        // the guest have its interrupts.
        if (!std::holds_alternative<gdbstub::Continue>(action_) && context_.abilities.step_blocks_interrupts)
            control |= KVM_GUESTDBG_BLOCKIRQ;
    }
    thread_.vcpu().sync_system_registers(stepping());
    temporary_slot_.reset();
    program(control, plan.slots, plan.dr7, stepping());
    if (stepping())
        prepare_step();
}

// `force` even where nothing changed: KVM keeps TF only at the RIP that it was set at, so a RIP or RFLAGS
// written since loses it.
void VcpuDebugger::program(std::uint32_t control, const std::array<std::uint64_t, 4>& slots, x86::Dr7 dr7,
                           bool force) {
    if (!force && control == control_ && slots == slots_ && dr7 == dr7_)
        return;
    if (auto r = thread_.vcpu().set_guest_debug(control, slots, dr7.raw()); !r)
        return fail(r.error());
    control_ = control;
    slots_ = slots;
    dr7_ = dr7;
}

void VcpuDebugger::prepare_step() {
    std::array<std::byte, kLongestInstruction> bytes{};
    const auto code = std::span(bytes).first(context_.view.fetch(system_, linear_pc(), bytes));
    step_ = x86::classify(code, x86::cpu_mode(general_, system_));
    std::optional<Gva> target;
    if (step_.kind == x86::StepKind::SoftwareInterrupt)
        target = interrupt_target(context_.view, general_, system_, step_.vector);
    else if (step_.kind == x86::StepKind::Syscall)
        target = read_msr(thread_.vcpu(), kMsrLstar);
    else if (step_.kind == x86::StepKind::Sysenter)
        target = read_msr(thread_.vcpu(), kMsrSysenterEip);
    if (target && context_.abilities.execute_slots)
        aim_temporary_slot(*target);

    const auto& watchpoints = context_.table.plan().stepped_watchpoints;
    if (!watchpoints.empty()) {
        x86::CpuState state;
        state.general = general_;
        state.system = system_;
        watch_.before(watchpoints, context_.view, state, code);
    }
}

// Instead of TF, for one instruction: slot 3 is lent even if it is in use, as only this instruction and its
// handler's first byte are in reach.
void VcpuDebugger::aim_temporary_slot(Gva target) {
    auto slots = slots_;
    auto dr7 = dr7_;
    unsigned slot = x86::kDebugSlots - 1;
    for (unsigned i = 0; i < x86::kDebugSlots; ++i) {
        if (!dr7.enabled(i))
            slot = i;
    }
    slots[slot] = target.value;
    dr7.enable(slot, x86::DebugCondition::Execute, 1);
    const std::uint32_t control = (control_ & ~static_cast<std::uint32_t>(KVM_GUESTDBG_SINGLESTEP)) |
                                  KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
    program(control, slots, dr7, true);
    temporary_slot_ = slot;
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

void VcpuDebugger::on_debug_exit() {
    if (!refresh())
        return;
    const auto& debug = thread_.vcpu().shared().debug.arch;
    if (debug.exception == kBreakpointVector)
        return on_int3();
    const auto dr6 = x86::Dr6::from_raw(debug.dr6);
    if (const unsigned hits = dr6.hits(dr7_); hits != 0)
        return on_slots(hits);
    if ((control_ & KVM_GUESTDBG_SINGLESTEP) != 0 && debug.exception == kDebugVector)
        return on_step();
    give_back_debug_exception(debug.dr6);
}

void VcpuDebugger::on_int3() {
    const auto page = context_.view.translate(system_, linear_pc());
    Breakpoint* breakpoint = page ? context_.table.int3_at(page->gpa) : nullptr;
    if (breakpoint != nullptr)
        hit(*breakpoint);
    else
        give_back_breakpoint();
}

void VcpuDebugger::on_slots(unsigned hits) {
    hide_trap_flag();
    const auto& owners = context_.table.plan().owner;
    for (unsigned slot = 0; slot < x86::kDebugSlots; ++slot) {
        if ((hits >> slot & 1) == 0 || (temporary_slot_ && *temporary_slot_ == slot))
            continue;
        if (owners[slot] != nullptr)
            return hit(*owners[slot]);
    }
    on_step();
}

void VcpuDebugger::on_step() {
    if (step_off_) {
        end_step_off();
        if (!stepping())
            return;
    }
    hide_trap_flag();
    const auto& watchpoints = context_.table.plan().stepped_watchpoints;
    if (!watchpoints.empty()) {
        if (Breakpoint* touched = watch_.after(watchpoints, context_.view, general_, system_))
            return hit(*touched);
    }
    if (std::holds_alternative<gdbstub::Step>(action_))
        return report(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, true});
    if (const auto* range = std::get_if<gdbstub::RangeStep>(&action_)) {
        if (general_.rip < range->start || general_.rip >= range->end)
            return report(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, true});
    }
    if (stop_at_stepped_breakpoint())
        return;
    // After an ordinary instruction TF is still set; after others KVM must set it again.
    if (temporary_slot_ || step_.kind != x86::StepKind::Ordinary)
        arm();
    else
        prepare_step();
}

// PUSHF stores the TF with which it is stepped; the guest must not see it. (KVM hides TF in RFLAGS itself
// while it steps, so a guest's own TF at this moment cannot be told from ours.)
void VcpuDebugger::hide_trap_flag() {
    if (step_.kind != x86::StepKind::PushFlags || temporary_slot_)
        return;
    step_ = {};
    const auto page = context_.view.translate(system_, x86::linear_sp(general_, system_) + 1);
    if (!page)
        return;
    const auto byte = context_.view.memory().span(page->gpa, 1);
    if (!byte.empty())
        byte[0] &= ~kTrapFlagInSecondByte;
}

bool VcpuDebugger::stop_at_stepped_breakpoint() {
    const Gva pc = linear_pc();
    for (Breakpoint* breakpoint : context_.table.plan().stepped_breakpoints) {
        if (breakpoint->request.address != pc.value)
            continue;
        ++breakpoint->hits;
        if (wants_stop(*breakpoint)) {
            if (breakpoint->request.kind == gdbstub::BreakpointKind::Software)
                report(gdbstub::StoppedBySoftwareBreakpoint{});
            else
                report(gdbstub::StoppedByHardwareBreakpoint{});
            return true;
        }
    }
    return false;
}

// The guest's own int3. A host that reported it as a debug exit knows the instruction and finishes the
// injection by itself; one that failed to emulate it needs RIP moved past it, as the pushed RIP of a trap.
void VcpuDebugger::give_back_breakpoint() {
    kvm::Vcpu& vcpu = thread_.vcpu();
    Result<void> result;
    if (vcpu.shared().exit_reason == KVM_EXIT_DEBUG) {
        result =
            vcpu.set_guest_debug(control_ | KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP, slots_, dr7_.raw());
    } else {
        auto general = general_;
        ++general.rip;
        result = vcpu.set_general(general);
        if (result)
            result = vcpu.events().and_then([&](kvm_vcpu_events events) {
                events.exception.injected = 1;
                events.exception.nr = kBreakpointVector;
                events.exception.has_error_code = 0;
                return vcpu.set_events(events);
            });
    }
    if (!result)
        return fail(result.error());
}

// A #DB that nobody here has asked for: the guest's own debug registers or TF.
void VcpuDebugger::give_back_debug_exception(std::uint64_t dr6) {
    kvm::Vcpu& vcpu = thread_.vcpu();
    auto result = vcpu.debug().and_then([&](x86::DebugRegisters debug) {
        debug.dr6 = dr6;
        return vcpu.set_debug(debug);
    });
    if (result)
        result =
            vcpu.set_guest_debug(control_ | KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB, slots_, dr7_.raw());
    if (!result)
        fail(result.error());
}

// ---- Breakpoints

bool VcpuDebugger::wants_stop(const Breakpoint& breakpoint) {
    return breakpoint.request.conditions.empty();
}

void VcpuDebugger::hit(Breakpoint& breakpoint) {
    ++breakpoint.hits;
    if (!wants_stop(breakpoint))
        return step_off(breakpoint);
    switch (breakpoint.request.kind) {
        case gdbstub::BreakpointKind::Software:
            return report(gdbstub::StoppedBySoftwareBreakpoint{});
        case gdbstub::BreakpointKind::Hardware:
            return report(gdbstub::StoppedByHardwareBreakpoint{});
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

// One step with the breakpoint out of the way. An int3 is out for everyone, so the other vCPUs rest for that
// long; a slot is this vCPU's own. A watchpoint has let its instruction through already.
void VcpuDebugger::step_off(Breakpoint& breakpoint) {
    if (breakpoint.is_watchpoint())
        return;
    StepOff step_off;
    if (breakpoint.mechanism == Mechanism::Int3) {
        if (!context_.coordinator.begin_exclusive(thread_.index()))
            return;  // it will be hit again
        context_.table.lift(breakpoint.gpa);
        step_off.lifted = breakpoint.gpa;
    }
    step_off_ = step_off;
    step_ = {};
    std::uint32_t control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
    if (context_.abilities.step_blocks_interrupts)
        control |= KVM_GUESTDBG_BLOCKIRQ;
    program(control, {}, x86::Dr7{}, true);
}

void VcpuDebugger::end_step_off() {
    if (step_off_->lifted) {
        context_.table.put_back(*step_off_->lifted);
        context_.coordinator.end_exclusive(thread_.index());
    }
    step_off_.reset();
    arm();
}

// A stop came before the step was done: the breakpoint goes back in, and is hit again later.
void VcpuDebugger::on_parked() {
    if (step_off_)
        end_step_off();
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
    }
    fatal_ = fatal_report(thread_, cause, context_.view, general_, system_);
    context_.on_fatal(thread_.index(), cause, *fatal_);
    const auto signal =
        cause == machine::FatalExit::EmulationFailure ? gdbstub::Signal::Ill : gdbstub::Signal::Segv;
    report(gdbstub::StoppedBySignal{signal, false}, *fatal_);
}

void VcpuDebugger::report(gdbstub::StopReason reason, std::string console) {
    context_.coordinator.report(thread_.index(),
                                {thread_of(thread_.index()), std::move(reason), std::move(console)});
}

// KVM refused what the debugger needs of it: the vCPU stops, and the client reads why.
void VcpuDebugger::fail(const Error& error) {
    report(gdbstub::StoppedBySignal{gdbstub::Signal::Abort, false}, error.message() + "\n");
}

}  // namespace ringside::debug
