#include "vmm/history/recorder.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringside::history {

using snapshot::Depth;

Recorder::Recorder(machine::Machine& machine, const debug::GuestView& view, VcpuIndex vcpu)
    : machine_(machine),
      thread_(machine.vcpu(vcpu)),
      imager_(machine, vcpu),
      scope_(view),
      next_(imager_.empty()) {}

Result<void> Recorder::check(machine::Machine& machine) {
    constexpr const char* kOperation = "record";
    if (machine.vcpu_count() != 1)
        return failure(
            kOperation,
            fmt::format("the machine has {} vCPUs, and only one can be recorded", machine.vcpu_count()),
            "Start it with --cpus 1");
    const auto unsavable = machine.device_states().unsavable();
    if (!unsavable.empty())
        return failure(kOperation, fmt::format("the state of {} cannot be saved", fmt::join(unsavable, ", ")),
                       "Start the machine without it");
    if (machine.dirty_pages() == nullptr)
        return failure(kOperation, "nothing says which pages of memory the guest writes");
    return {};
}

Result<void> Recorder::start(std::size_t limit) {
    TRY(check(machine_));
    auto shadow = TRY(MemoryShadow::create(machine_.memory()));
    TRY(machine_.dirty_pages()->start());
    next_ = imager_.empty();
    TRY(thread_.call([this](kvm::VcpuPort&) { return imager_.take(next_); }));
    dirty_.clear();
    irregular_ = true;
    moved_ = false;
    steps_ = 0;
    history_.emplace(StepLog(limit), next_, std::move(shadow));
    return {};
}

Result<void> Recorder::stop() {
    history_.reset();
    return machine_.dirty_pages()->stop();
}

bool Recorder::is_halted() const {
    return history_->image().vcpu().mp_state == KVM_MP_STATE_HALTED;
}

void Recorder::before_step(const x86::GeneralRegisters& general, const x86::SystemRegisters& system,
                           Interrupts interrupts) {
    interrupts_ = interrupts;
    if (steps_ % kWindow == 0)
        scope_.forget_pages();
    depth_ = scope_.of(general, system);
    started_at_ = general.rip;
    accesses_ = thread_.accesses();
}

// Where interrupts cannot be blocked, or were let in, an instruction that leads elsewhere may have been interrupted.
bool Recorder::is_regular(const x86::GeneralRegisters& general) const {
    if (irregular_ || thread_.accesses() != accesses_)
        return false;
    return interrupts_ == Interrupts::Held ||
           (interrupts_ == Interrupts::Unheld && general.rip - started_at_ <= x86::kMaxInstructionLength);
}

Result<void> Recorder::after_step(const x86::GeneralRegisters& general, const x86::SystemRegisters& system) {
    ++steps_;
    const bool regular = is_regular(general);
    snapshot::VcpuImager::take_registers(general, system, next_.vcpu());
    // The trap came before the instruction, as it does with emulated VMX after an EPT violation. If the written pages
    // were collected now, the page tables among them would be write-protected again, and the instruction would
    // never complete.
    if (regular && snapshot::same_general(next_.vcpu(), history_->image().vcpu()))
        return {};
    Depth depth = regular ? depth_ : Depth::Everything;
    const auto& events = history_->image().vcpu().events;
    const bool events_end = events.interrupt.shadow != 0 || events.exception.injected != 0 ||
                            events.exception.pending != 0 || events.interrupt.injected != 0 ||
                            events.nmi.injected != 0 || events.nmi.masked != 0 || is_halted();
    if (events_end)
        depth = std::max(depth, Depth::Events);
    return record(depth, Change::Step);
}

Result<void> Recorder::look(const x86::GeneralRegisters& general, const x86::SystemRegisters& system) {
    snapshot::VcpuImager::take_registers(general, system, next_.vcpu());
    const bool moved = general.rip != history_->image().vcpu().general.rip;
    return record(Depth::Everything, moved ? Change::Step : Change::Other);
}

Result<void> Recorder::recall() {
    TRY(imager_.take(next_));
    TRY(imager_.put(next_, history_->image()));
    next_ = history_->image();
    irregular_ = true;
    return {};
}

Result<void> Recorder::record(Depth depth, Change change) {
    if (depth == Depth::Events)
        TRY(imager_.take_events(next_));
    else if (depth == Depth::Everything)
        TRY(imager_.take_rest(next_));
    TRY(collect());
    history_->append(next_, depth, dirty_, change);
    dirty_.clear();
    irregular_ = false;
    return {};
}

Result<void> Recorder::collect() {
    return machine_.dirty_pages()->collect([this](Gpa page) {
        if (std::ranges::find(dirty_, page) == dirty_.end())
            dirty_.push_back(page);
    });
}

Result<void> Recorder::put() {
    const auto& wanted = history_->image();
    TRY(thread_.call([&](kvm::VcpuPort&) { return imager_.put(next_, wanted); }));
    next_ = wanted;
    moved_ = true;
    return {};
}

Result<std::uint64_t> Recorder::take_edits() {
    return thread_.call([this](kvm::VcpuPort&) -> Result<std::uint64_t> {
        TRY(imager_.take(next_));
        TRY(collect());
        const bool edited = !snapshot::same_registers(next_.vcpu(), history_->image().vcpu()) ||
                            std::ranges::any_of(dirty_, [this](Gpa page) { return history_->differs(page); });
        if (!edited) {
            dirty_.clear();
            return std::uint64_t{0};
        }
        const std::uint64_t ahead = history_->cut();
        history_->append(next_, Depth::Everything, dirty_, Change::Other);
        dirty_.clear();
        return ahead;
    });
}

Result<void> Recorder::leave_past() {
    if (!std::exchange(moved_, false))
        return {};
    irregular_ = true;
    return machine_.dirty_pages()->forget_translations();
}

}  // namespace ringside::history
