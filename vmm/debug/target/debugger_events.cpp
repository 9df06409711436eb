// What vCPU threads report.

#include <fmt/format.h>

#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/run_control/vcpu_debugger.h"
#include "vmm/debug/target/debugger.h"
#include "vmm/exits/record/reasons.h"

namespace ringside::debug {

void Debugger::on_debug_exit(machine::VcpuThread& thread) {
    guest_->vcpu(thread.index()).on_debug_exit();
}

void Debugger::on_fatal_exit(machine::VcpuThread& thread, machine::FatalExit cause) {
    guest_->vcpu(thread.index()).on_fatal_exit(cause);
}

void Debugger::on_interrupted(machine::VcpuThread& thread) {
    guest_->vcpu(thread.index()).on_interrupted();
}

void Debugger::on_parked(machine::VcpuThread& thread) {
    guest_->on_parked(thread.index());
}

void Debugger::before_entry(machine::VcpuThread& thread) {
    guest_->before_entry(thread.index(), started_);
}

void Debugger::on_dirty_ring_full(machine::VcpuThread& thread) {
    guest_->vcpu(thread.index()).on_dirty_ring_full();
}

void Debugger::on_exit(machine::VcpuThread& thread, const exits::ExitRecord& exit) {
    if (exits::is_access(exit.reason) || exit.reason == exits::kReasonInterrupted)
        guest_->vcpu(thread.index()).look_at_handlers();
    owner_.on_exit(thread, exit);
}

void Debugger::on_dead(VcpuIndex, machine::FatalExit cause, const std::string& report) {
    owner_.post([this, cause, report] {
        if (!client_.attached() && keeps_past())
            owner_.on_crash_kept(report);
        else if (!client_.attached())
            owner_.on_unattended_fatal(cause, report);
    });
}

void Debugger::on_slots_short(VcpuIndex) {
    owner_.post([this] { notices_.of_guest_slots(); });
}

void Debugger::on_completed(VcpuIndex) {
    owner_.post([this] { notices_.of_completion(); });
}

void Debugger::on_printed(VcpuIndex, const std::string& text) {
    owner_.on_printed(text);
}

void Debugger::report_stop(VcpuIndex vcpu, std::string why) {
    guest_->stops().report(
        vcpu, {thread_of(vcpu), gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, std::move(why)});
}

void Debugger::on_panic(VcpuIndex vcpu) {
    report_stop(vcpu, "the guest's kernel has panicked (pvpanic)\n");
    owner_.post([this] {
        owner_.on_panic(client_.attached() || keeps_past());
        if (!client_.attached() && keeps_past())
            owner_.on_crash_kept("the guest's kernel has panicked (pvpanic)\n");
    });
}

void Debugger::on_stop_port(machine::VcpuThread& thread, std::uint64_t value) {
    report_stop(thread.index(),
                fmt::format("The guest has asked to stop ({:#x} written to the stop port).\n", value));
}

}  // namespace ringside::debug
