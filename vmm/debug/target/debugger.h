// The debugger: implements gdbstub's Target over a machine, and observes the machine's exit loop for the Target's client.
//
// It exists in every run, with a client or without: a guest's own int3 must be delivered to it on a host that cannot
// emulate one, and a triple fault must be reported.
//
// Threading: what the Target's interfaces say, on the server's thread; VcpuObserver and VcpuEvents on each vCPU's own.
// Stops and dead vCPUs cross from there to the server's thread through DebuggerOwner::post().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gdbstub/target.h"
#include "vmm/debug/guest/inspected.h"
#include "vmm/debug/target/breakpoint_access.h"
#include "vmm/debug/target/client_presence.h"
#include "vmm/debug/target/debugged_machine.h"
#include "vmm/debug/target/debugger_owner.h"
#include "vmm/debug/target/notices.h"
#include "vmm/debug/target/time_travel.h"
#include "vmm/machine/machine.h"

namespace ringside::debug {

// What a reset or power-off by the guest does. Stop: it is shown to a client, and without one the run ends. Restart: a
// reset restarts the machine, with a client or without; a power-off is as for Stop.
enum class OnReset : std::uint8_t { Stop, Restart, Exit };

struct DebuggerOptions {
    bool wait = false;  // keep every vCPU stopped at its first instruction until a client resumes it
    OnDisconnect on_disconnect = OnDisconnect::Resume;
    OnReset on_reset = OnReset::Stop;
    std::size_t record =
        0;  // bytes: what the guest does is recorded from its first instruction; 0: it is not
    bool keep_recording = false;  // without a client too; a crashed guest waits for one
    GuestStops guest_stops = {};  // for each client, until it chooses others
    x86::GdbArchitecture architecture = x86::GdbArchitecture::X86_64;
};

class Tracing;

class Debugger final : public machine::VcpuObserver,
                       public Inspected,
                       private VcpuEvents,
                       private gdbstub::Execution,
                       private gdbstub::Restart {
  public:
    Debugger(DebuggedMachine::Probe probe, DebuggerOptions options, DebuggerOwner& owner);
    ~Debugger() override;

    // Attaches to a machine that was created with this observer; before its threads start.
    void bind(machine::Machine& machine);

    // For the server. Optional capabilities that others implement (documents, monitor) may be set in it.
    gdbstub::Target& target() { return *target_; }

    DebuggedMachine& guest() { return *guest_; }
    // Shortcuts to its members that are used most.
    machine::Machine& machine() { return guest_->machine(); }
    const machine::Machine& machine() const { return guest_->machine(); }
    VcpuState& state(VcpuIndex vcpu) { return guest_->state(vcpu); }
    const machine::StopToken* stop_token() const { return guest_->stop_token(); }

    // Inspected
    const GuestView& view() const override { return guest_->view(); }
    std::size_t vcpu_count() const override { return guest_->vcpu_count(); }
    Result<RegistersNow> registers_now(VcpuIndex vcpu) override {
        return debug::registers_now(machine().vcpu(vcpu));
    }
    Result<const x86::CpuState*> all_registers(VcpuIndex vcpu) override { return guest_->load_all(vcpu); }

    TimeTravel& time_travel() { return *time_travel_; }
    // Lets clients go back, unless the machine cannot be recorded. To be called when every device is attached.
    void offer_reverse() {
        if (history::Recorder::check(machine()))
            target_->reverse = time_travel_.get();
    }
    // For TimeTravel: the vCPUs have the history's state now; the stop at the end of a journey; and resuming the
    // guest there.
    void moved_in_time();
    void stopped_in_time(gdbstub::StopEvent stop);
    gdbstub::Result<void> resume_live(std::span<const gdbstub::ThreadResume>);
    // Stops the guest for a reason other than the client's; `why` is one line for the user. On the vCPU's thread.
    void report_stop(VcpuIndex vcpu, std::string why);
    // Restarts the machine: the kernel file is read again, and everything is as at the start of the run, with
    // the client's breakpoints in place. A running guest is stopped for this and runs on from its first instruction;
    // a stopped one stays stopped. On an error nothing has changed.
    Result<void> restart();
    // The guest's kernel has panicked: stops it, for a client to look at. On the vCPU's thread.
    void on_panic(VcpuIndex vcpu);
    // The guest has ended itself. A client is shown the end, and the run ends when it resumes the guest or leaves.
    // On the vCPU's thread, if a vCPU caused it.
    void on_guest_end(std::optional<VcpuIndex>, const machine::GuestEnd&);
    // Every vCPU has got another state, not by the debugger.
    void restored();
    // For TimeTravel: the stop that lay ahead will not happen.
    void future_is_gone();
    // The machine has ended; resume is refused from now on.
    void set_ended() { ended_ = true; }
    bool client_attached() const { return client_.attached(); }
    // Returns true if the machine may restart after its end: by the client, or when the client leaves.
    bool client_may_restart() const {
        return client_.stays() || (client_.attached() && options_.on_disconnect == OnDisconnect::Restart);
    }
    // Returns true if the client will say when it has received the guest's end: it may restart the guest, or it is in
    // non-stop mode and answers the notification. The run ends when it leaves.
    bool client_stays_behind_guest() const {
        return client_may_restart() || (client_.attached() && guest_->stops().non_stop());
    }
    // What to show to the client's user with the guest's end.
    std::string last_words() { return notices_.of_overwritten(guest_->table()); }

    // machine::VcpuObserver
    void on_debug_exit(machine::VcpuThread&) override;
    void on_fatal_exit(machine::VcpuThread&, machine::FatalExit) override;
    void on_interrupted(machine::VcpuThread&) override;
    void on_parked(machine::VcpuThread&) override;
    void before_entry(machine::VcpuThread&) override;
    void on_exit(machine::VcpuThread&, const exits::ExitRecord&) override;
    void on_dirty_ring_full(machine::VcpuThread&) override;
    void on_stop_port(machine::VcpuThread&, std::uint64_t value) override;

  private:
    // VcpuEvents
    void on_dead(VcpuIndex, machine::FatalExit, const std::string& report) override;
    void on_slots_short(VcpuIndex) override;
    void on_completed(VcpuIndex) override;
    void on_printed(VcpuIndex, const std::string& text) override;
    // gdbstub::Execution
    gdbstub::Result<void> resume(std::span<const gdbstub::ThreadResume>) override;
    void interrupt() override;
    gdbstub::StopEvent last_stop() const override;
    std::vector<gdbstub::StopEvent> simultaneous() const override;
    void reported_together() override;
    bool running() const override;
    void kill() override;
    void attach() override;
    void detach() override;
    void client_lost() override;
    // gdbstub::Restart
    void client_stays() override { client_.enter_extended_mode(); }
    gdbstub::Result<void> restart(const Wanted&) override;

    void on_all_stopped();
    // Said with a stop of the thread: what a 32-bit client does not see of it.
    std::string of_narrow_registers(gdbstub::ThreadId thread);
    void on_vcpu_stopped(VcpuIndex vcpu);
    void start_recording();
    bool keeps_past() const { return options_.keep_recording && time_travel_->recorder().active(); }
    bool stopped() const { return guest_->stop_token() != nullptr; }
    // debugger_client.cpp
    void greet_client();
    void leave(OnDisconnect then);
    void let_go(OnDisconnect then);
    void renew_for_client();
    void resume_everything();
    // debugger_life_cycle.cpp
    void stop_to_restart();
    void start_anew();
    void on_guest_reset(VcpuIndex, const machine::GuestEnd&);
    void finish_restart();
    bool wait_anew();
    void end_run();

    DebuggedMachine::Probe probe_;
    DebuggerOptions options_;
    DebuggerOwner& owner_;
    Notices notices_;

    std::unique_ptr<DebuggedMachine> guest_;
    std::unique_ptr<TimeTravel> time_travel_;
    std::unique_ptr<gdbstub::Threads> threads_;
    std::unique_ptr<gdbstub::Registers> register_access_;
    std::unique_ptr<gdbstub::Memory> memory_access_;
    std::unique_ptr<BreakpointAccess> breakpoints_;
    std::unique_ptr<gdbstub::NonStop> non_stop_;
    std::unique_ptr<Tracing> tracing_;
    std::unique_ptr<gdbstub::Target> target_;

    bool started_ = false;  // the first stop, of vCPUs that have never run, is over
    ClientPresence client_;
    std::optional<machine::GuestEnd> guest_end_;  // which is shown to the client
    bool restarts_at_stop_ = false;  // all is prepared, and put in place when every vCPU has stopped
    bool forgets_breakpoints_ = false;
    bool stop_asked_ = false;  // by the client, of a guest that ran
    // Under OnDisconnect::Restart, while no client is attached and nothing has run: the guest is at its first instruction,
    // or it could not restart.
    enum class Unused : std::uint8_t { No, AtStart, Old };
    Unused unused_ = Unused::No;
    bool ended_ = false;
};

}  // namespace ringside::debug
