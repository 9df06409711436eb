// What a vCPU has reported since it was last resumed: nothing, a stop, or its death.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "gdbstub/target.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/run_control/exit_registers.h"
#include "vmm/debug/run_control/stop_coordinator.h"

namespace ringside::debug {

class StopReport {
  public:
    // `at`: the registers at the vCPU's last exit. They must be fetched before anything is reported.
    StopReport(VcpuIndex vcpu, StopCoordinator& coordinator, const ExitRegisters& at)
        : vcpu_(vcpu), coordinator_(coordinator), at_(at) {}

    bool made() const { return !std::holds_alternative<Nothing>(phase_); }
    // Why the vCPU can never run again; nullptr if it can.
    const std::string* dead() const {
        const auto* dead = std::get_if<Dead>(&phase_);
        return dead != nullptr ? &dead->why : nullptr;
    }

    void report(gdbstub::StopReason reason, std::string console = {});
    // `words` are for the user, in addition to what the client shows. `client_would_go_on`: see judged_stop().
    void report_hit(const Breakpoint& breakpoint, std::string words = {}, bool client_would_go_on = false);
    // KVM has refused a request of the debugger. The registers may not be the vCPU's: the client fetches them again.
    void report_failure(const Error& error);
    void report_death(gdbstub::Signal signal, const std::string& why);

    // The vCPU is resumed. Returns false if it is dead, which is reported again.
    bool clear();
    // The breakpoint at which the vCPU was shown to the client, if the client does not know that it must be stepped
    // off (stop_reasons.h); nullptr if there is none. The vCPU is about to run.
    Breakpoint* shown(BreakpointTable& table, const GuestView& view);
    // The client sees the vCPU there, and has just got a breakpoint that it does not know: it does not stop the vCPU
    // before that has moved.
    void is_shown_at(Gva pc) { shown_at_ = pc; }
    void forget_shown() { shown_at_.reset(); }

    // The vCPU was given another state from its history. At the end of its history it may be dead.
    void moved_in_time(bool present);
    // The vCPU will not reach the death that it had reached.
    void future_is_gone() { death_.reset(); }

  private:
    struct Nothing {};
    struct Reported {};
    struct Dead {
        std::string why;
    };

    void send(gdbstub::StopReason reason, std::string console);

    VcpuIndex vcpu_;
    StopCoordinator& coordinator_;
    const ExitRegisters& at_;
    std::variant<Nothing, Reported, Dead> phase_;
    std::optional<std::string> death_;  // how the recorded run has ended
    std::optional<Gva> shown_at_;       // PC of the last stop, if the client knows of no breakpoint there
};

}  // namespace ringside::debug
