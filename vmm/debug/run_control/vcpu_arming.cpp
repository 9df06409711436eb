// How a vCPU is armed before it runs: slots, int3s, and the three ways of a single step.

#include <algorithm>
#include <array>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/exceptions.h"
#include "vmm/debug/guest/guest_tables.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

namespace {

constexpr std::uint32_t kMsrLstar = 0xc0000082, kMsrSysenterEip = 0x176;

std::optional<Gva> read_msr(const kvm::Vcpu& vcpu, std::uint32_t index) {
    kvm::Msr msr{index, 0};
    const auto count = vcpu.read_msrs({&msr, 1});
    return count && *count == 1 ? std::optional(Gva{msr.value}) : std::nullopt;
}

// Whether an instruction may lead to itself: a jump or call, by its opcode behind prefixes that jumps can
// have.
bool may_stay_in_place(std::span<const std::byte> code) {
    constexpr std::uint8_t kOperandSize = 0x66, kAddressSize = 0x67, kFirstRex = 0x40, kLastRex = 0x4f;
    for (const std::byte each : code) {
        const auto byte = std::to_integer<std::uint8_t>(each);
        if (byte == kOperandSize || byte == kAddressSize || (byte >= kFirstRex && byte <= kLastRex))
            continue;
        const bool short_jump = (byte >= 0x70 && byte <= 0x7f) || (byte >= 0xe0 && byte <= 0xe3);
        return short_jump || byte == 0xe8 || byte == 0xe9 || byte == 0xeb || byte == 0xea || byte == 0xff ||
               byte == 0x9a || byte == 0x0f || byte == 0xc3 || byte == 0xcb;
    }
    return true;
}

}  // namespace

void VcpuDebugger::arm() {
    if (own_trap_pending_)
        own_trap_pending_ = debug_exception_is_pending();
    look_at_own_slots();
    thread_.vcpu().sync_system_registers(stepping());
    SlotSetup setup = SlotSetup::from(plan());
    if (!context_.abilities.step_user)
        add_user_handlers(setup);
    if (stepping()) {
        classify();
        if (at_halt()) {
            do_halt();
            if (ends_here())
                return;
            classify();
        }
        add_single_step(setup);
    }
    share_slots(setup);
    program(setup, stepping());
}

// Goes on stepping. While one ordinary instruction follows another TF stays as it is, and KVM need not be
// asked again: unless KVM has emulated one, which on most hosts loses TF and cannot be seen from here.
void VcpuDebugger::next_step() {
    if (--steps_until_look_ == 0) {
        steps_until_look_ = kStepsBetweenLooks;
        if (spare_the_stepping())
            return arm();
    }
    const bool plain = context_.abilities.step_survives_emulation && !thread_.finished_an_access() &&
                       step_.kind == x86::StepKind::Ordinary &&
                       holds_interrupts() == ((armed_.control & KVM_GUESTDBG_BLOCKIRQ) != 0) &&
                       (armed_.control & KVM_GUESTDBG_SINGLESTEP) != 0 && !blind_here();
    if (plain) {
        classify();
        if (step_.kind == x86::StepKind::Ordinary)
            return note_step_origin();
    }
    arm();
}

// More breakpoints than there are slots, on code that no page table leads to yet, cost a step for each
// instruction. (A kernel whose functions have breakpoints from its first instruction on is such a case.) That
// ends here, as soon as the guest has made the page tables. One whose condition was false where the vCPU
// stands would be met a second time, so it comes later.
bool VcpuDebugger::spare_the_stepping() {
    const auto here = [this](const Breakpoint* b) { return b->request.address == linear_pc().value; };
    if (std::ranges::any_of(plan().stepped_breakpoints, here) ||
        !context_.table.can_settle(context_.view, system_) ||
        !context_.coordinator.begin_exclusive(thread_.index()))
        return false;
    context_.table.settle(context_.view, system_);
    context_.coordinator.end_exclusive(thread_.index());
    return true;
}

// Looks at the instruction that is about to be stepped.
void VcpuDebugger::classify() {
    std::array<std::byte, x86::kMaxInstructionLength> code{};
    const std::size_t size = context_.view.fetch(system_, linear_pc(), code);
    const auto bytes = std::span<const std::byte>(code).first(size);
    step_ = x86::classify(bytes, x86::cpu_mode(general_, system_));
    step_start_ = general_.rip;
    step_may_stay_ = step_.kind != x86::StepKind::Ordinary || may_stay_in_place(bytes);
    const auto& watchpoints = plan().stepped_watchpoints;
    if (!watchpoints.empty()) {
        x86::CpuState state;
        state.general = general_;
        state.system = system_;
        watch_.before(watchpoints, context_.view, state, bytes);
    }
}

// An instruction that enters or leaves the kernel is stepped with a slot at its target: hardware clears TF on
// the way in, so a single-step would run through the whole handler, and the TF that it used would be seen in
// the pushed RFLAGS or in R11.
std::optional<Gva> VcpuDebugger::step_target() const {
    if (!context_.abilities.execute_slots)
        return std::nullopt;
    if (own_trap_pending_) {
        const auto gate =
            interrupt_gate(context_.view, general_, system_, number(x86::ExceptionVector::Debug));
        return gate ? std::optional(gate->handler) : std::nullopt;
    }
    switch (step_.kind) {
        case x86::StepKind::SoftwareInterrupt:
            return interrupt_target(context_.view, general_, system_, step_.vector);
        case x86::StepKind::Syscall:
            return read_msr(thread_.vcpu(), kMsrLstar);
        case x86::StepKind::Sysenter:
            return read_msr(thread_.vcpu(), kMsrSysenterEip);
        case x86::StepKind::InterruptReturn: {
            // An emulated IRET may trap one instruction late.
            const auto target = interrupt_return_target(context_.view, general_, system_);
            if (!target || (target->privilege_level != 0 && !context_.abilities.execute_slots_user))
                return std::nullopt;
            return target->address;
        }
        default:
            return std::nullopt;
    }
}

bool VcpuDebugger::at_halt() const {
    return step_.kind == x86::StepKind::Halt && !own_trap_pending_ &&
           x86::privilege_level(general_, system_) == 0;
}

// HLT is stepped by doing what it does: the vCPU is behind it, and halted until an interrupt comes. (A KVM
// that emulates it under a single-step leaves before it halts, and does so at some later instruction.) The
// interrupt shadow of an STI before it ends with it; left behind, it would keep every interrupt from ending
// the halt.
void VcpuDebugger::do_halt() {
    kvm::Vcpu& vcpu = thread_.vcpu();
    general_.rip += step_.length;
    if (!write_back())
        return;
    auto result = vcpu.events().and_then([&](kvm_vcpu_events events) {
        events.flags |= KVM_VCPUEVENT_VALID_SHADOW;
        events.interrupt.shadow = 0;
        return vcpu.set_events(events);
    });
    if (result)
        result = vcpu.set_mp_state(KVM_MP_STATE_HALTED);
    if (!result)
        fail(result.error());
}

// A client's step stays in the code that it steps. Stepping that stands in for a watchpoint lets the guest
// have its interrupts, and so does, now and then, a range step that does not end: the guest may be waiting
// for one.
bool VcpuDebugger::holds_interrupts() const {
    const bool waiting = range_steps_ != 0 && range_steps_ % kRangePatience == 0;
    const bool client_steps = !continues() && context_.hold_interrupts;
    return (client_steps || step_off_) && !waiting && context_.abilities.step_blocks_interrupts;
}

void VcpuDebugger::add_single_step(SlotSetup& setup) {
    if (holds_interrupts())
        setup.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_BLOCKIRQ;
    if (const auto target = step_target()) {
        setup.add(SlotUse::StepTarget, *target);
    } else if (blind_here()) {
        if (const auto gate =
                interrupt_gate(context_.view, general_, system_, number(x86::ExceptionVector::Debug))) {
            lend_trap_flag();
            setup.add(SlotUse::DebugHandler, gate->handler);
        }
    } else {
        setup.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
    }
}

// Where user code's int3s, and a trap flag that is still out there in some saved RFLAGS, come in.
void VcpuDebugger::add_user_handlers(SlotSetup& setup) {
    if (plan().user_int3s) {
        const auto gate =
            interrupt_gate(context_.view, general_, system_, number(x86::ExceptionVector::Breakpoint));
        if (gate && gate->dpl == 3) {
            setup.add(SlotUse::BreakpointHandler, gate->handler);
        } else if (const auto fault = interrupt_gate(context_.view, general_, system_,
                                                     number(x86::ExceptionVector::GeneralProtection))) {
            setup.add(SlotUse::ProtectionHandler, fault->handler);
        }
    }
    if (trap_flag_lent_ && !(stepping() && blind_here())) {
        if (const auto gate =
                interrupt_gate(context_.view, general_, system_, number(x86::ExceptionVector::Debug)))
            setup.add(SlotUse::DebugHandler, gate->handler);
    }
}

void VcpuDebugger::lend_trap_flag() {
    if ((general_.rflags & x86::rflags::kTf) != 0)
        return;
    general_.rflags |= x86::rflags::kTf;
    trap_flag_lent_ = write_back();
}

void VcpuDebugger::take_trap_flag_back() {
    if (!trap_flag_lent_)
        return;
    general_.rflags &= ~x86::rflags::kTf;
    trap_flag_lent_ = false;
}

void VcpuDebugger::note_step_origin() {
    if ((armed_.control & KVM_GUESTDBG_SINGLESTEP) != 0)
        step_origin_ = StepOrigin::from(general_, system_);
}

// The step has been interrupted, by a handler that runs now, if this vCPU comes to rest or to a breakpoint
// elsewhere than where it was entered.
void VcpuDebugger::leave_step_unfinished() {
    if ((armed_.control & KVM_GUESTDBG_SINGLESTEP) != 0 && general_.rip != step_origin_.rip)
        (void)hide_pushed_trap_flag(context_.view, step_origin_, general_, system_);
}

// `force` for each step, even where nothing changed: KVM keeps TF only at the RIP that it was set at, so an
// instruction that KVM emulates, or registers written since, lose it.
void VcpuDebugger::program(const SlotSetup& setup, bool force) {
    if (!force && setup == armed_)
        return;
    if (auto r = thread_.vcpu().set_guest_debug(setup.control, setup.address, setup.dr7.raw()); !r)
        return fail(r.error());
    armed_ = setup;
    note_step_origin();
    forget_own_slots(setup);
}

}  // namespace ringside::debug
