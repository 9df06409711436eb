// What a debugger does for TimeTravel.

#include <utility>

#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

void Debugger::start_recording() {
    if (const auto started = time_travel_->record(options_.record); !started)
        owner_.on_recording_failed(started.error());
}

void Debugger::moved_in_time(gdbstub::ThreadId thread) {
    const auto& vcpu = time_travel_->recorder().history().image().vcpu();
    states_[vcpu_of(thread).value]->cache(kvm::from_kvm(vcpu.general), kvm::from_kvm(vcpu.system));
    vcpus_[vcpu_of(thread).value]->moved_in_time(!time_travel_->in_past());
}

void Debugger::future_is_gone() {
    if (std::exchange(guest_end_, std::nullopt))
        machine_->withdraw_end();
    for (const auto& vcpu : vcpus_)
        vcpu->future_is_gone();
}

void Debugger::restored() {
    future_is_gone();
    for (std::size_t i = 0; i < vcpus_.size(); ++i) {
        states_[i]->forget();
        vcpus_[i]->moved_in_time(false);
    }
    const auto thread = coordinator_->last_stop().thread;
    coordinator_->replace_stop({thread, gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, {}});
    time_travel_->edited();
}

void Debugger::stopped_in_time(gdbstub::StopEvent stop) {
    coordinator_->replace_stop(stop);
    owner_.on_stop(stop);
}

}  // namespace ringside::debug
