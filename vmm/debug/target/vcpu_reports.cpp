#include "vmm/debug/target/vcpu_reports.h"

#include <fmt/format.h>

#include "vmm/debug/run_control/vcpu_debugger.h"
#include "vmm/debug/target/debugger.h"
#include "vmm/exits/record/reasons.h"

namespace ringside::debug {

void VcpuReports::on_debug_exit(machine::VcpuThread& thread) {
    debugger_.guest().vcpu(thread.index()).on_debug_exit();
}

void VcpuReports::on_fatal_exit(machine::VcpuThread& thread, machine::FatalExit cause) {
    debugger_.guest().vcpu(thread.index()).on_fatal_exit(cause);
}

void VcpuReports::on_interrupted(machine::VcpuThread& thread) {
    debugger_.guest().vcpu(thread.index()).on_interrupted();
}

void VcpuReports::on_parked(machine::VcpuThread& thread) {
    debugger_.guest().on_parked(thread.index());
}

void VcpuReports::before_entry(machine::VcpuThread& thread) {
    debugger_.guest().before_entry(thread.index(), debugger_.run().started());
}

void VcpuReports::on_dirty_ring_full(machine::VcpuThread& thread) {
    debugger_.guest().vcpu(thread.index()).on_dirty_ring_full();
}

bool VcpuReports::on_write_fault(machine::VcpuThread& thread) {
    return debugger_.guest().vcpu(thread.index()).on_write_fault();
}

bool VcpuReports::on_unwritten(machine::VcpuThread& thread, Gpa gpa, std::span<const std::byte> data) {
    return debugger_.guest().vcpu(thread.index()).on_unwritten(gpa, data);
}

void VcpuReports::on_exit(machine::VcpuThread& thread, const exits::ExitRecord& exit) {
    if (exits::is_access(exit.reason) || exit.reason == exits::kReasonInterrupted)
        debugger_.guest().vcpu(thread.index()).look_at_handlers();
    owner_.on_exit(thread, exit);
}

void VcpuReports::on_stop_port(machine::VcpuThread& thread, std::uint64_t value) {
    debugger_.report_stop(
        thread.index(),
        fmt::format("The guest has asked to stop ({:#x} written to the stop port).\n", value));
}

void VcpuReports::on_dead(VcpuIndex, machine::FatalExit cause, const std::string& report) {
    owner_.post([this, cause, report] {
        if (debugger_.client_attached())
            return;
        if (debugger_.keeps_past())
            owner_.on_crash_kept(report);
        else
            owner_.on_unattended_fatal(cause, report);
    });
}

void VcpuReports::on_slots_short(VcpuIndex) {
    owner_.post([this] { debugger_.notices().of_guest_slots(); });
}

void VcpuReports::on_completed(VcpuIndex) {
    owner_.post([this] { debugger_.notices().of_completion(); });
}

void VcpuReports::on_guard_ended(VcpuIndex, const std::string& why) {
    owner_.post([this, why] { debugger_.notices().of_guard_end(why); });
}

void VcpuReports::on_printed(VcpuIndex, const std::string& text) {
    owner_.on_printed(text);
}

}  // namespace ringside::debug
