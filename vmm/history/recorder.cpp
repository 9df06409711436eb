#include "vmm/history/recorder.h"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/history/whole_state.h"

namespace ringside::history {

using snapshot::Depth;

Recorder::Recorder(machine::Machine& machine, const debug::GuestView& view)
    : machine_(machine), view_(view), imager_(machine), next_(imager_.empty()) {
    make_tracks();
}

void Recorder::make_tracks() {
    tracks_.clear();
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i)
        tracks_.push_back({.thread = machine_.vcpu(VcpuIndex{i}), .scope = StepScope(view_)});
}

Result<void> Recorder::check(machine::Machine& machine) {
    constexpr const char* kOperation = "record";
    const auto unrecordable = machine.device_states().unrecordable();
    if (!unrecordable.empty())
        return failure(kOperation,
                       fmt::format("{} works beside the vCPUs, and only what they do is recorded",
                                   fmt::join(unrecordable, ", ")),
                       "Start the machine without it");
    const snapshot::MachineImage image(machine.vcpu_count(), machine.device_states().size());
    if (image.bytes().size() > kLongestImage)
        return failure(kOperation,
                       fmt::format("the state of {} vCPUs has {} KiB, and a record can hold {} KiB",
                                   machine.vcpu_count(), image.bytes().size() >> 10, kLongestImage >> 10),
                       "Start the machine with fewer");
    if (machine.dirty_pages() == nullptr)
        return failure(kOperation, "nothing says which pages of memory the guest writes");
    return {};
}

Result<void> Recorder::start(std::size_t limit) {
    TRY(check(machine_));
    auto shadow = TRY(MemoryShadow::create(machine_.memory()));
    TRY(machine_.dirty_pages()->add(written_));
    next_ = imager_.empty();
    TRY(imager_.take(next_));
    make_tracks();
    written_.pages.clear();
    moved_ = false;
    history_.emplace(StepLog(limit), next_, std::move(shadow));
    return {};
}

Result<void> Recorder::stop() {
    if (!history_)
        return {};
    history_.reset();
    return machine_.dirty_pages()->remove(written_);
}

kvm::Activity Recorder::activity(VcpuIndex vcpu) const {
    return kvm::activity_of(static_cast<std::uint32_t>(last(vcpu).mp_state));
}

bool Recorder::waits(VcpuIndex vcpu) const {
    return track(vcpu).scope.is_pause() || activity(vcpu) == kvm::Activity::Halted;
}

void Recorder::before_step(VcpuIndex vcpu, const x86::GeneralRegisters& general,
                           const x86::SystemRegisters& system, Interrupts interrupts) {
    Track& step = track(vcpu);
    step.interrupts = interrupts;
    if (step.steps % kWindow == 0)
        step.scope.forget_pages();
    step.depth = step.scope.of(general, system);
    step.started_at = general.rip;
    step.accesses = step.thread.accesses();
}

// Where interrupts cannot be blocked, or were let in, an instruction that leads elsewhere may have been interrupted.
bool Recorder::is_regular(const Track& step, const x86::GeneralRegisters& general) {
    if (step.irregular || step.thread.accesses() != step.accesses)
        return false;
    return step.interrupts == Interrupts::Held ||
           (step.interrupts == Interrupts::Unheld &&
            general.rip - step.started_at <= x86::kMaxInstructionLength);
}

Result<void> Recorder::after_step(VcpuIndex vcpu, const x86::GeneralRegisters& general,
                                  const x86::SystemRegisters& system) {
    Track& step = track(vcpu);
    ++step.steps;
    const bool regular = is_regular(step, general);
    snapshot::VcpuImager::take_registers(general, system, next_.vcpu(vcpu));
    // A jump to itself: or the trap came before the jump, as it does with emulated VMX after an EPT violation. If the
    // written pages were collected now, the page tables among them would be write-protected again, and the jump would
    // never complete.
    if (regular && snapshot::same_general(next_.vcpu(vcpu), last(vcpu)))
        return {};
    Depth depth = regular ? step.depth : Depth::Everything;
    const auto& events = last(vcpu).events;
    const bool events_end = events.interrupt.shadow != 0 || events.exception.injected != 0 ||
                            events.exception.pending != 0 || events.interrupt.injected != 0 ||
                            events.nmi.injected != 0 || events.nmi.masked != 0 ||
                            activity(vcpu) == kvm::Activity::Halted;
    if (events_end)
        depth = std::max(depth, Depth::Events);
    if (depth == Depth::Everything)
        TRY(imager_.take_others(vcpu, next_));
    return record(vcpu, depth, Change::Step);
}

Result<void> Recorder::look(VcpuIndex vcpu, const x86::GeneralRegisters& general,
                            const x86::SystemRegisters& system) {
    snapshot::VcpuImager::take_registers(general, system, next_.vcpu(vcpu));
    const bool moved = general.rip != last(vcpu).general.rip;
    return record(vcpu, Depth::Everything, moved ? Change::Step : Change::Other);
}

Result<void> Recorder::recall(VcpuIndex vcpu) {
    TRY(imager_.take(next_));
    TRY(imager_.put(next_, history_->image()));
    next_ = history_->image();
    irregular(vcpu);
    return {};
}

Result<void> Recorder::record(VcpuIndex vcpu, Depth depth, Change change) {
    if (depth == Depth::Events)
        TRY(imager_.take_events(vcpu, next_));
    else if (depth == Depth::Everything)
        TRY(imager_.take_rest(vcpu, next_));
    TRY(collect());
    history_->append(next_, vcpu, depth, written_.pages, change);
    written_.pages.clear();
    track(vcpu).irregular = false;
    return {};
}

Result<void> Recorder::collect() {
    TRY(machine_.dirty_pages()->collect());
    auto& pages = written_.pages;
    if (pages.size() > 1) {
        std::ranges::sort(pages);
        pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
    }
    return {};
}

Result<void> Recorder::put() {
    const auto& wanted = history_->image();
    TRY(check_whole(wanted));
    TRY(imager_.put(next_, wanted));
    next_ = wanted;
    moved_ = true;
    return {};
}

Result<std::uint64_t> Recorder::take_edits() {
    TRY(imager_.take(next_));
    TRY(collect());
    const auto here = history_->vcpu_here();
    bool edited = std::ranges::any_of(written_.pages, [this](Gpa page) { return history_->differs(page); });
    for (std::uint32_t i = 0; i < tracks_.size(); ++i)
        edited = edited || !snapshot::same_registers(next_.vcpu(VcpuIndex{i}), last(VcpuIndex{i}));
    if (!edited) {
        written_.pages.clear();
        return std::uint64_t{0};
    }
    const std::uint64_t ahead = history_->cut();
    history_->append(next_, here, Depth::Everything, written_.pages, Change::Other);
    written_.pages.clear();
    return ahead;
}

Result<void> Recorder::leave_past() {
    if (!std::exchange(moved_, false))
        return {};
    for (Track& each : tracks_)
        each.irregular = true;
    return machine_.dirty_pages()->forget_translations();
}

}  // namespace ringside::history
