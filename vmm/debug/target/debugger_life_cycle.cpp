// The guest's ends: by itself, by a panic, and when its client leaves.

#include <fmt/format.h>

#include "vmm/debug/run_control/stop_reasons.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/client_target.h"
#include "vmm/debug/target/debugger.h"

namespace ringside::debug {

void Debugger::report_stop(VcpuIndex vcpu, std::string why) {
    guest_->stops().report(
        vcpu, {thread_of(vcpu), gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, std::move(why)});
}

void Debugger::on_panic(VcpuIndex vcpu) {
    report_stop(vcpu, "the guest's kernel has panicked (pvpanic)\n");
    owner_.post([this] {
        owner_.on_panic(client_attached() || keeps_past());
        if (!client_attached() && keeps_past())
            owner_.on_crash_kept("the guest's kernel has panicked (pvpanic)\n");
    });
}

void Debugger::on_guest_end(std::optional<VcpuIndex> vcpu, const machine::GuestEnd& how) {
    using Kind = machine::GuestEnd::Kind;
    const bool separate = guest_->stops().non_stop();
    if (vcpu && how.kind == Kind::Reset && options_.on_reset == OnReset::Restart && !separate) {
        guest_->stops().report(*vcpu, stop_for_restart(thread_of(*vcpu)));
        return owner_.post([this, vcpu, how] { restarts_.on_guest_reset(*vcpu, how); });
    }
    const bool shown = vcpu && how.kind != Kind::DebugExit && options_.on_reset != OnReset::Exit;
    if (shown)
        report_stop(*vcpu,
                    fmt::format("The guest has {} ({}). When it is resumed the run ends.\n",
                                how.kind == Kind::Reset ? "reset the machine" : "powered the machine off",
                                how.source));
    owner_.post([this, how, shown, separate] {
        run_.guest_has_ended(how);
        if (separate && shown)  // the machine has suspended every vCPU
            guest_->stops().interrupt(gdbstub::StoppedBySignal{gdbstub::Signal::None, false});
        if (!shown || (!client_attached() && !keeps_past()))
            end_run();
        else if (!client_attached())
            owner_.on_crash_kept(fmt::format("the guest has ended itself ({})\n", how.source));
    });
}

void Debugger::end_run() {
    guest_->end_stop();
    owner_.post([this, how = *run_.guest_end()] { owner_.on_guest_end(how); });
}

void Debugger::forget_client() {
    time_travel_->client_left(options_.keep_recording);
    client_target_->client_left();
    guest_->forget_client();
    notices_.forget_client();
    owner_.on_client_gone();
}

}  // namespace ringside::debug
