// What a debugger does for TimeTravel.

#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

void Debugger::record_from_start() {
    if (options_.record == 0)
        return;
    if (const auto started = time_travel_->record(options_.record); !started)
        owner_.on_recording_failed(started.error());
}

void Debugger::moved_in_time() {
    const auto& image = time_travel_->recorder().history().image();
    for (std::uint32_t i = 0; i < image.vcpus(); ++i) {
        const auto& vcpu = image.vcpu(VcpuIndex{i});
        guest_->moved_in_time(VcpuIndex{i}, kvm::from_kvm(vcpu.general), kvm::from_kvm(vcpu.system),
                              !time_travel_->in_past());
    }
}

void Debugger::future_is_gone() {
    if (run_.withdraw_guest_end())
        machine().withdraw_end();
    guest_->future_is_gone();
}

void Debugger::restored() {
    future_is_gone();
    guest_->restored();
    time_travel_->edited();
}

void Debugger::stopped_in_time(gdbstub::StopEvent stop) {
    guest_->stops().replace_stop(stop);
    owner_.on_stop(stop);
}

}  // namespace ringside::debug
