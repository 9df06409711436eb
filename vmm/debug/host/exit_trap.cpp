#include "vmm/debug/host/exit_trap.h"

#include <fmt/format.h>

#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/vmx_events.h"
#include "vmm/debug/host/inner_exits.h"
#include "vmm/exits/hardware/caught_exits.h"
#include "vmm/exits/hardware/perf_event.h"
#include "vmm/exits/hardware/tracefs.h"
#include "vmm/kvm/vcpu_events.h"

namespace ringside::debug {

namespace {

using x86::ExceptionVector;
using x86::TrapInstruction;

constexpr std::uint32_t kSvmUndefinedInstruction =
    static_cast<std::uint32_t>(x86::SvmExitCode::Exception0) + number(ExceptionVector::InvalidOpcode);

std::string reason(auto code) {
    return fmt::format("exit_reason == {:#x}", static_cast<unsigned>(code));
}

std::string vmx_undefined_instruction() {
    constexpr std::uint32_t kUndefined =
        x86::vmx::event(x86::vmx::EventType::HardwareException, number(ExceptionVector::InvalidOpcode));
    return fmt::format("({} && intr_info == {:#x})", reason(x86::VmxExitReason::ExceptionOrNmi), kUndefined);
}

}  // namespace

std::string exit_trap_filter(x86::VirtualizationKind kind, ExitTraps traps) {
    const bool vmx = kind == x86::VirtualizationKind::Vmx;
    std::string text;
    const auto add = [&text](const std::string& term) { text += (text.empty() ? "" : " || ") + term; };
    if (traps.halt)
        add(vmx ? reason(x86::VmxExitReason::Hlt) : reason(x86::SvmExitCode::Hlt));
    if (traps.undefined)
        add(vmx ? vmx_undefined_instruction() : reason(kSvmUndefinedInstruction));
    if (traps.paging && vmx)
        add(reason(x86::VmxExitReason::CrAccess));
    else if (traps.paging)
        add(reason(x86::SvmExitCode::WriteCr0) + " || " + reason(x86::SvmExitCode::Cr0SelectiveWrite));
    return text;
}

namespace {

class PerfExitTrap final : public ExitTrap {
  public:
    Result<void> arm(ExitTraps traps) override;
    bool armed() const override { return armed_.any(); }
    bool take_caught() override {
        const auto slots = exits::take_caught_slots(exits::slot_bit(exits::kBreakpointSlot));
        if (slots.possible == 0)
            return false;
        const bool own = event_ && event_->fired();
        const bool inner = inner_exit_fired();
        return slots.signalled != 0 || own || inner;
    }

  private:
    ExitTraps armed_;  // in force now
    std::optional<exits::HardwareCatch> event_;
    ExitTraps event_traps_;  // what the event's filter lets through
};

Result<void> PerfExitTrap::arm(ExitTraps traps) {
    if (traps == armed_)
        return {};
    if (armed_.any())
        TRY(event_->enable(false));
    armed_ = {};
    if (!traps.any())
        return {};
    if (!event_ || event_traps_ != traps) {
        const auto kind = exits::host_virtualization();
        if (!kind)
            return failure("arm kvm:kvm_exit", "this host's KVM runs on neither Intel VMX nor AMD SVM");
        auto tracefs = TRY(exits::find_tracefs());
        auto tracepoint = TRY(exits::load_kvm_tracepoint(tracefs, "kvm_exit"));
        exits::install_catch_handler();
        event_.reset();
        constexpr pid_t kThisThread = 0;
        auto event = TRY(exits::HardwareCatch::arm(kThisThread, tracepoint.id, exit_trap_filter(*kind, traps),
                                                   exits::kBreakpointSlot));
        event_ = std::move(event);
        event_traps_ = traps;
    } else {
        TRY(event_->enable(true));
    }
    armed_ = traps;
    return {};
}

}  // namespace

std::unique_ptr<ExitTrap> make_perf_exit_trap() {
    return std::make_unique<PerfExitTrap>();
}

Result<std::optional<ExitAt>> find_exit(const kvm::VcpuPort& vcpu, std::uint64_t rip) {
    constexpr std::uint64_t kHaltLength = 1;
    const auto exception = TRY(kvm::pending_exception(vcpu));
    if (exception && exception->vector == number(ExceptionVector::InvalidOpcode))
        return ExitAt{TrapInstruction::Undefined, rip};
    // A #DB by the guest's own TF may be pending after an HLT.
    if (exception && exception->vector != number(ExceptionVector::Debug))
        return std::nullopt;
    return ExitAt{TrapInstruction::Halt, rip - kHaltLength};
}

// The #DB that may be pending after an HLT belongs to the HLT, too.
Result<void> undo_exit(kvm::VcpuPort& vcpu, TrapInstruction instruction, x86::InterruptShadow shadow) {
    return instruction == TrapInstruction::Halt ? kvm::undo_halt(vcpu, shadow) : kvm::drop_exception(vcpu);
}

}  // namespace ringside::debug
