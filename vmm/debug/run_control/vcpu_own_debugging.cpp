// The guest's own debugging under ours: what its int3, its TF and its DR0-DR3 raise is given back to it.

#include <utility>

#include "arch/x86_64/control_bits.h"
#include "arch/x86_64/exceptions.h"
#include "vmm/debug/breakpoints/guest_slots.h"
#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

namespace {

// DR6 (SDM volume 3, 17.2.3): the slots' bits, which the processor clears before it sets those of a new #DB.
constexpr std::uint64_t kDr6Slots = 0xf, kDr6DebugRegisterAccess = 1U << 13, kDr6SingleStep = 1U << 14;

}  // namespace

std::optional<x86::DebugRegisters> VcpuDebugger::own_registers() {
    const auto own = thread_.vcpu().debug();
    if (own)
        return *own;
    fail(own.error());
    return std::nullopt;
}

// Reads the guest's own debug registers where the debugger's would replace them, and decides whether there is
// room for both. If not, this vCPU is stepped: slower, but neither side misses anything.
void VcpuDebugger::look_at_own_slots() {
    if (own_ || context_.abilities.own_slots_fire || !context_.table.plan().dr7.any_enabled())
        return;
    own_ = own_registers();
    if (!own_)
        return;
    SlotSetup both = SlotSetup::from(context_.table.plan());
    const bool were_short = std::exchange(slots_short_, !add_guest_slots(both, *own_));
    if (slots_short_ && !were_short)
        context_.on_slots_short(thread_.index());
}

// The last touch of a setup that takes the hardware's debug registers: the guest's own slots go in as well,
// and with GD its next MOV to or from a debug register is seen, so that they can be renewed.
void VcpuDebugger::share_slots(SlotSetup& setup) {
    if ((setup.control & KVM_GUESTDBG_USE_HW_BP) == 0 || context_.abilities.own_slots_fire)
        return;
    if (!own_)
        own_ = own_registers();
    if (!own_)
        return;
    (void)add_guest_slots(setup, *own_);  // a slot lent for a step may leave one out for that long
    setup.dr7.set_general_detect(context_.abilities.debug_register_exits);
}

// What is known of the guest's debug registers holds for as long as it cannot write them unseen.
void VcpuDebugger::forget_own_slots(const SlotSetup& armed) {
    if (!armed.dr7.general_detect())
        own_.reset();
}

// The guest is at a MOV to or from a debug register. It runs with the guest's own registers in place, unless
// the guest has GD set itself.
void VcpuDebugger::on_debug_register_access() {
    own_.reset();
    const auto own = own_registers();
    if (!own)
        return;
    if (!x86::Dr7::from_raw(own->dr7).general_detect())
        return pass_over();
    if (inject_debug_exception(own->dr6 | kDr6DebugRegisterAccess))
        go_on_with_pending_trap();
}

// The guest's own slots that a debug exit tells of. While the debugger's DR7 is not in place the hardware
// holds the guest's. An execution breakpoint that comes with a hit of ours at its place hits by itself when
// the guest goes on; one that QEMU's SVM tells of with a step's trap, and never else, is none if RF is set.
unsigned VcpuDebugger::own_hits(x86::Dr6 dr6, x86::Dr7 dr7) const {
    const bool shared = (armed_.control & KVM_GUESTDBG_USE_HW_BP) != 0;
    const unsigned hits = dr6.hits(shared ? armed_.dr7 : dr7);
    unsigned own = shared ? guest_hits(armed_, hits) : hits;
    const bool resuming = dr6.single_step() && (general_.rflags & x86::rflags::kRf) != 0;
    const bool not_due = resuming || (shared && debugger_hits(armed_, hits) != 0);
    if (shared && own_)
        dr7 = x86::Dr7::from_raw(own_->dr7);
    for (unsigned slot = 0; not_due && slot < x86::kDebugSlots; ++slot) {
        if (dr7.condition(slot) == x86::DebugCondition::Execute)
            own &= ~(1U << slot);
    }
    return own;
}

// The guest's #DB for hits of its own slots. False if KVM refused.
bool VcpuDebugger::give_back_own_hits(unsigned hits) {
    const auto own = own_registers();
    return own && inject_debug_exception((own->dr6 & ~kDr6Slots) | hits);
}

// The guest's #DB for its own TF, where an instruction was done for it.
bool VcpuDebugger::give_back_own_step() {
    const auto own = own_registers();
    return own && inject_debug_exception((own->dr6 & ~kDr6Slots) | kDr6SingleStep);
}

// Without the single-step: RFLAGS go to the stack of the guest's handler, and a TF of ours must not be there.
bool VcpuDebugger::inject_debug_exception(std::uint64_t dr6) {
    kvm::Vcpu& vcpu = thread_.vcpu();
    auto result = vcpu.debug().and_then([&](x86::DebugRegisters debug) {
        debug.dr6 = dr6;
        return vcpu.set_debug(debug);
    });
    armed_.control &= ~static_cast<std::uint32_t>(KVM_GUESTDBG_SINGLESTEP);
    if (result)
        result = vcpu.set_guest_debug(armed_.control | KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB,
                                      armed_.address, armed_.dr7.raw());
    if (!result) {
        fail(result.error());
        return false;
    }
    own_trap_pending_ = true;
    return true;
}

// The guest enters its #DB handler next. What is being stepped goes on there.
void VcpuDebugger::go_on_with_pending_trap() {
    if (step_off_)
        arm_step_off();
    else if (stepping())
        arm();
}

// A #DB that was injected may have been delivered meanwhile, by an entry that ended without a debug exit.
bool VcpuDebugger::debug_exception_is_pending() const {
    const auto events = thread_.vcpu().events();
    return events && (events->exception.injected != 0 || events->exception.pending != 0) &&
           events->exception.nr == number(x86::ExceptionVector::Debug);
}

// The guest's own int3. A host that reported it as a debug exit knows the instruction and finishes the
// injection by itself; one that failed to emulate it needs RIP moved past it, as the pushed RIP of a trap.
void VcpuDebugger::give_back_breakpoint() {
    kvm::Vcpu& vcpu = thread_.vcpu();
    Result<void> result;
    if (vcpu.shared().exit_reason == KVM_EXIT_DEBUG) {
        result = vcpu.set_guest_debug(armed_.control | KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP,
                                      armed_.address, armed_.dr7.raw());
    } else {
        auto general = general_;
        ++general.rip;
        result = vcpu.set_general(general);
        if (result)
            result = vcpu.events().and_then([&](kvm_vcpu_events events) {
                events.exception.injected = 1;
                events.exception.nr = number(x86::ExceptionVector::Breakpoint);
                events.exception.has_error_code = 0;
                return vcpu.set_events(events);
            });
    }
    if (!result)
        return fail(result.error());
}

}  // namespace ringside::debug
