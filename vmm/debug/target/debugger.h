// The debugger: implements gdbstub's Target over a machine, and observes the machine's exit loop for the Target's client.
//
// It exists in every run, with a client or without: a guest's own int3 must be delivered to it on a host that cannot
// emulate one, and a triple fault must be reported.
//
// Its parts have one subject each: VcpuReports the vCPUs' threads, Clients who is attached, Restarts, TimeTravel, RunPhase
// how far the run is, ClientTarget what a session calls. This class stops and resumes the machine between them.
//
// Threading: the server's thread, except where another is named. Stops and dead vCPUs cross from vCPU threads to the
// server's through DebuggerOwner::post().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gdbstub/target.h"
#include "vmm/debug/guest/inspected.h"
#include "vmm/debug/target/clients.h"
#include "vmm/debug/target/debugged_machine.h"
#include "vmm/debug/target/debugger_owner.h"
#include "vmm/debug/target/notices.h"
#include "vmm/debug/target/restarts.h"
#include "vmm/debug/target/run_phase.h"
#include "vmm/debug/target/time_travel.h"
#include "vmm/debug/target/vcpu_reports.h"
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

class ClientTarget;

class Debugger final : public Inspected, private gdbstub::Execution {
  public:
    Debugger(DebuggedMachine::Probe probe, DebuggerOptions options, DebuggerOwner& owner);
    ~Debugger() override;

    // For the machine, which is created with it.
    machine::VcpuObserver& observer() { return reports_; }
    // Attaches to the machine that was created with observer(); before its threads start.
    void bind(machine::Machine& machine);

    // For the server. Optional capabilities that others implement (documents, monitor) may be set in it.
    gdbstub::Target& target();

    DebuggedMachine& guest() { return *guest_; }
    // Shortcuts to its members that are used most.
    machine::Machine& machine() { return guest_->machine(); }
    const machine::Machine& machine() const { return guest_->machine(); }
    VcpuState& state(VcpuIndex vcpu) { return guest_->state(vcpu); }
    const machine::StopToken* stop_token() const { return guest_->stop_token(); }
    bool stopped() const { return stop_token() != nullptr; }

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
            target().reverse = time_travel_.get();
    }
    // Stops the guest for a reason other than the client's; `why` is one line for the user. On the vCPU's thread.
    void report_stop(VcpuIndex vcpu, std::string why);
    // Restarts the machine: the kernel file is read again, and everything is as at the start of the run, with
    // the client's breakpoints in place. A running guest is stopped for this and runs on from its first instruction;
    // a stopped one stays stopped. On an error nothing has changed.
    Result<void> restart() { return restarts_.with_breakpoints(); }
    // The guest's kernel has panicked: stops it, for a client to look at. On the vCPU's thread.
    void on_panic(VcpuIndex vcpu);
    // The guest has ended itself. A client is shown the end, and the run ends when it resumes the guest or leaves.
    // On the vCPU's thread, if a vCPU caused it.
    void on_guest_end(std::optional<VcpuIndex>, const machine::GuestEnd&);
    // Something other than the debugger has replaced the state of every vCPU.
    void restored();
    // The machine has ended; resume is refused from now on.
    void set_ended() { run_.end(); }
    bool client_attached() const { return clients_.attached(); }
    // Returns true if the machine may restart after its end: by the client, or when the client leaves.
    bool client_may_restart() const {
        return clients_.stays() || (clients_.attached() && options_.on_disconnect == OnDisconnect::Restart);
    }
    // Returns true if the client will say when it has received the guest's end: it may restart the guest, or it is in
    // non-stop mode and answers the notification. The run ends when it leaves.
    bool client_stays_behind_guest() const {
        return client_may_restart() || (clients_.attached() && guest_->stops().non_stop());
    }
    // What to show to the client's user with the guest's end.
    std::string last_words() { return notices_.of_overwritten(guest_->table()); }

    // ---- For TimeTravel

    // The vCPUs have the history's state now.
    void moved_in_time();
    // The stop at the end of a journey.
    void stopped_in_time(gdbstub::StopEvent stop);
    // Resumes the guest there.
    gdbstub::Result<void> resume_live(std::span<const gdbstub::ThreadResume>);
    // The past was changed: a stop that was recorded after this point will not happen.
    void future_is_gone();

    // ---- For Clients, Restarts and VcpuReports

    const DebuggerOptions& options() const { return options_; }
    RunPhase& run() { return run_; }
    Clients& clients() { return clients_; }
    Restarts& restarts() { return restarts_; }
    Notices& notices() { return notices_; }
    // Returns true if a crashed guest waits for a client, which can go back.
    bool keeps_past() const { return options_.keep_recording && time_travel_->recorder().active(); }
    // Starts the recording that options ask for, if they do.
    void record_from_start();
    // Every vCPU runs on, with no client to step them. A guest that has ended itself ends the run.
    void resume_everything();
    void end_run();
    // Removes what the client has set from the stopped guest.
    void forget_client();

  private:
    // gdbstub::Execution
    gdbstub::Result<void> resume(std::span<const gdbstub::ThreadResume>) override;
    void interrupt() override;
    gdbstub::StopEvent last_stop() const override;
    std::vector<gdbstub::StopEvent> simultaneous() const override;
    void reported_together() override;
    bool running() const override;
    void kill() override { clients_.kill(); }
    void attach() override { clients_.attach(); }
    void detach() override { clients_.detach(); }
    void client_lost() override { clients_.lost(); }

    void on_all_stopped();
    // Returns false if the first stop is not shown: the guest runs, or must not run at all.
    bool begin_run();
    void show_stop();
    // Said with a stop of the thread: what a 32-bit client does not see of it.
    std::string of_narrow_registers(gdbstub::ThreadId thread);
    void on_vcpu_stopped(VcpuIndex vcpu);
    void describe_stop(VcpuIndex vcpu);
    gdbstub::Result<std::vector<VcpuIndex>> set_actions(std::span<const gdbstub::ThreadResume>);

    DebuggedMachine::Probe probe_;
    DebuggerOptions options_;
    DebuggerOwner& owner_;
    Notices notices_;
    RunPhase run_;
    Clients clients_;
    Restarts restarts_;
    VcpuReports reports_;
    std::unique_ptr<DebuggedMachine> guest_;
    std::unique_ptr<TimeTravel> time_travel_;
    std::unique_ptr<ClientTarget> client_target_;
};

}  // namespace ringside::debug
