// Starting the machine anew.

#include <utility>

#include <fmt/format.h>

#include "vmm/debug/run_control/stop_reasons.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

Result<void> Debugger::restart() {
    TRY(owner_.prepare_restart(std::nullopt));
    if (!token_) {
        stop_to_restart();
        return {};
    }
    const bool client_waits = time_travel_->travelling();
    start_anew();
    if (client_waits)
        owner_.on_stop(coordinator_->last_stop());
    return {};
}

void Debugger::stop_to_restart() {
    restarts_at_stop_ = true;
    coordinator_->interrupt(stop_for_restart({}).reason);
}

// Everything that the debugger knows of the old guest goes with it. The memory comes between taking the breakpoints out
// and placing them.
void Debugger::start_anew() {
    if (time_travel_->drop(*token_))
        owner_.on_console(
            "The recording is gone, as the machine was started anew: `monitor record on` starts another.\n");
    table_->lift_all(*token_);
    view_->choose_address_space(std::nullopt);
    view_->choose_level(std::nullopt);
    owner_.restart(*token_);
    for (std::uint32_t i = 0; i < vcpus_.size(); ++i) {
        auto& thread = machine_->vcpu(VcpuIndex{i});
        states_[i] = std::make_unique<VcpuState>(thread, machine_->cpu_features());
        vcpus_[i] = std::make_unique<VcpuDebugger>(thread, *context_);
    }
    guest_end_.reset();
    ended_ = false;
    coordinator_->replace_stop(
        {gdbstub::ThreadId{1}, gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, {}});
    x86::ClassSet system;
    system.add(x86::RegisterClass::System);
    if (const auto state = states_.front()->load(*token_, system))
        table_->place_all(*token_, *view_, (*state)->system);
}

// The vCPU that did it has reported a stop, which comes after this.
void Debugger::on_guest_reset(VcpuIndex vcpu, const machine::GuestEnd& how) {
    const auto ready = owner_.prepare_restart(std::nullopt);
    if (ready) {
        restarts_at_stop_ = true;
        owner_.on_console(
            fmt::format("The guest has reset the machine ({}), and starts anew.\n", how.source));
        return;
    }
    const auto why = fmt::format("The guest has reset the machine ({}), which cannot start anew: {}\n",
                                 how.source, ready.error().message());
    owner_.on_restart_failed(why);
    coordinator_->replace_stop(
        {thread_of(vcpu), gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, why});
    guest_end_ = how;
    if (!client_attached_)
        end_run();
}

// The guest runs on from its first instruction, unless somebody has wanted it to stop meanwhile.
void Debugger::finish_restart() {
    const bool stops = stop_asked_ || !is_for_restart(coordinator_->last_stop());
    stop_asked_ = false;
    start_anew();
    started_ = true;
    if (leaving_) {
        let_go(*leaving_);
        if (!client_attached_)
            return;
    } else if (!stops) {
        return resume_everything();
    }
    owner_.on_stop(coordinator_->last_stop());
}

}  // namespace ringside::debug
