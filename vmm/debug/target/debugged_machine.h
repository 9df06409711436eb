// A machine under the debugger: its breakpoints, and for each vCPU the registers fetched so far and the debugger
// that runs on its thread. Debugger handles the client's requests, and knows if there is a client.
//
// Threading: on_parked() and before_entry() are for vCPU threads, the rest for the server's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "arch/x86_64/registers.h"
#include "vmm/debug/breakpoints/breakpoint_table.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/guest/vcpu_state.h"
#include "vmm/debug/host/host_abilities.h"
#include "vmm/debug/run_control/debug_context.h"
#include "vmm/debug/run_control/stop_coordinator.h"
#include "vmm/debug/run_control/turns.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

class VcpuDebugger;

class DebuggedMachine {
  public:
    // Measures what the host can do.
    using Probe = std::function<Result<HostAbilities>()>;

    // `on_stopped` is called as described in StopCoordinator.
    DebuggedMachine(machine::Machine& machine, Probe probe, x86::GdbArchitecture architecture,
                    VcpuEvents& events, StopCoordinator::OnStopped on_stopped);
    ~DebuggedMachine();

    machine::Machine& machine() { return machine_; }
    const x86::RegisterFile& registers() const { return registers_; }
    BreakpointTable& table() { return table_; }
    GuestView& view() { return view_; }
    const PageGuard& guard() const { return guard_; }
    StopCoordinator& stops() { return stops_; }
    Turns& turns() { return turns_; }
    DebugContext& context() { return context_; }
    std::size_t vcpu_count() const { return vcpus_.size(); }
    VcpuDebugger& vcpu(VcpuIndex vcpu) { return *vcpus_.at(vcpu.value); }
    VcpuState& state(VcpuIndex vcpu) { return *states_.at(vcpu.value); }
    // Measured at the first call.
    Result<HostAbilities> abilities();

    // ---- vCPU threads

    void on_parked(VcpuIndex index);
    // `tell_guest`: if the guest runs on, it is told that it was stopped.
    void before_entry(VcpuIndex index, bool tell_guest);

    // ---- Everything stopped

    // The proof, or nullptr while the guest runs.
    const machine::StopToken* stop_token() const { return token_ ? &*token_ : nullptr; }
    // Returns false if not every vCPU is parked.
    bool take_stop();
    // Before anything runs.
    void end_stop() { token_.reset(); }

    // ---- Non-stop mode

    // While it exists, every vCPU is parked, and stop_token() is the proof.
    class Hold {
      public:
        explicit Hold(DebuggedMachine& machine) : machine_(machine) { machine_.hold(); }
        ~Hold() { machine_.release(); }
        Hold(const Hold&) = delete;
        Hold& operator=(const Hold&) = delete;

      private:
        DebuggedMachine& machine_;
    };
    // The same, for callers that cannot have an object.
    void hold();
    void release();
    // Returns true if the client lets the vCPU run, which may be held at this moment.
    bool runs(VcpuIndex vcpu) const;
    // In every mode. Under a hold they run when it ends.
    void resume(std::span<const VcpuIndex> vcpus);
    // Without looking at what is still to be reported: the client has left.
    void resume_all();

    // ---- While everything is stopped

    Result<const x86::CpuState*> load(VcpuIndex vcpu, x86::ClassSet classes);
    Result<const x86::CpuState*> load_all(VcpuIndex vcpu);
    // General and system registers, and nothing else, are valid.
    Result<const x86::CpuState*> load_system(VcpuIndex vcpu);
    // Adapts the breakpoints to what the guest has done to its page tables, as the given vCPU has them.
    void settle(VcpuIndex vcpu);
    void forget_removed_watchpoints();
    // Before anything runs: protects the pages of watchpoints, if that is right (PageGuard::prepare).
    std::string guard_pages();
    // Where the guest itself may ask to stop.
    Result<void> set_guest_stops(const GuestStops& stops);
    // The guest's handlers of interrupts and exceptions that are to stop it, in place of those before.
    Result<void> watch_handlers(std::vector<WatchedHandler> watched);
    // Looks where the handlers are now. Returns a message for the user.
    std::string look_at_handlers();
    // As GuestView's; the proof that everything is stopped is an argument.
    bool choose_address_space(const machine::StopToken&, std::optional<std::uint64_t> cr3) {
        return view_.choose_address_space(cr3);
    }
    Result<void> write_physical(const machine::StopToken&, Gpa gpa, std::span<const std::byte> data) {
        return view_.write_physical(gpa, data);
    }
    // As GuestView's. Addresses that had breakpoints may get them in the other level now.
    void choose_level(const machine::StopToken&, std::optional<x86::GuestLevel> level) {
        view_.choose_level(level);
        table_.forget_levels();
    }
    // Removes what a client has set: breakpoints, the address space and the level that it has chosen, and where the
    // guest may ask to stop. Breakpoints whose commands are to continue without it remain until the next client comes.
    void forget_client();
    void remove_breakpoints();
    // Restarts the machine by `restart`, with the breakpoints in place if they are to be `kept`. Everything that is
    // known of the old guest is discarded.
    void start_anew(bool kept, const std::function<void()>& restart);
    // What is known of vCPUs that cannot continue; empty if all can.
    std::string fatal_reports() const;

    // ---- Time travel

    // The vCPU has these registers now. `present`: it is at the end of its history.
    void moved_in_time(VcpuIndex vcpu, const x86::GeneralRegisters&, const x86::SystemRegisters&,
                       bool present);
    // Every vCPU has another state now.
    void restored();
    // No vCPU will reach the end that its history has.
    void future_is_gone();

  private:
    void make_vcpus();
    void put_guest_stops(const GuestStops& stops);
    void choose_defaults();
    std::optional<VcpuIndex> stepped_by_client(std::span<const VcpuIndex> vcpus) const;

    machine::Machine& machine_;
    Probe probe_;
    std::optional<HostAbilities> abilities_;
    x86::RegisterFile registers_;
    BreakpointTable table_;
    GuestView view_;
    StopCoordinator stops_;
    Turns turns_;
    PageGuard guard_;
    DebugContext context_;
    std::vector<std::unique_ptr<VcpuState>> states_;
    std::vector<std::unique_ptr<VcpuDebugger>> vcpus_;
    std::optional<machine::StopToken> token_;
    unsigned holds_ = 0;  // that found a vCPU running
};

}  // namespace ringside::debug
