#include "vmm/debug/target/debugger.h"

#include <algorithm>

#include <fmt/format.h>

#include "vmm/debug/run_control/stop_reasons.h"
#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/target/errors.h"
#include "vmm/debug/target/memory_access.h"
#include "vmm/debug/target/register_access.h"

namespace ringside::debug {

using Code = gdbstub::TargetError::Code;

Debugger::Debugger(Probe probe, DebuggerOptions options, DebuggerOwner& owner)
    : probe_(std::move(probe)), options_(options), owner_(owner), notices_(owner) {}

Debugger::~Debugger() = default;

void Debugger::bind(machine::Machine& machine) {
    machine_ = &machine;
    const machine::CpuFeatures& features = machine.cpu_features();
    registers_.emplace(x86::FeatureSet{features.avx, features.avx512, features.pkru}, options_.architecture);
    table_ = std::make_unique<BreakpointTable>(machine.memory());
    machine.memory().set_planted(table_->planted());
    view_ = std::make_unique<GuestView>(machine.memory(), table_->planted(), features.physical_address_bits);
    coordinator_ =
        std::make_unique<StopCoordinator>(machine, [this] { owner_.post([this] { on_all_stopped(); }); });
    context_ = std::make_unique<DebugContext>(DebugContext{.table = *table_,
                                                           .view = *view_,
                                                           .coordinator = *coordinator_,
                                                           .registers = *registers_,
                                                           .events = *this});
    for (std::uint32_t i = 0; i < machine.vcpu_count(); ++i) {
        auto& thread = machine.vcpu(VcpuIndex{i});
        states_.push_back(std::make_unique<VcpuState>(thread, features));
        vcpus_.push_back(std::make_unique<VcpuDebugger>(thread, *context_));
    }
    time_travel_ = std::make_unique<TimeTravel>(*this, owner_);
    context_->recorder = &time_travel_->recorder();
    register_access_ = std::make_unique<RegisterAccess>(*this);
    memory_access_ = std::make_unique<MemoryAccess>(*this, *view_);
    // A triple without vendor and system matches every kernel file in LLDB, whatever its ABI tag says.
    const bool wide = options_.architecture == x86::GdbArchitecture::X86_64;
    target_ = std::make_unique<gdbstub::Target>(gdbstub::Target{.threads = *this,
                                                                .registers = *register_access_,
                                                                .memory = *memory_access_,
                                                                .execution = *this,
                                                                .breakpoints = this,
                                                                .stepping = this,
                                                                .restart = this,
                                                                .triple = wide ? "x86_64" : "i386",
                                                                .address_bytes = wide ? 8U : 4U});
}

Result<HostAbilities> Debugger::abilities() {
    if (!abilities_) {
        auto measured = probe_();
        if (!measured)
            return measured;
        abilities_ = *measured;
        context_->abilities = *measured;
        table_->set_abilities(*measured);
    }
    return *abilities_;
}

// ---- vCPU threads

void Debugger::on_debug_exit(machine::VcpuThread& thread) {
    vcpus_[thread.index().value]->on_debug_exit();
}

void Debugger::on_fatal_exit(machine::VcpuThread& thread, machine::FatalExit cause) {
    vcpus_[thread.index().value]->on_fatal_exit(cause);
}

void Debugger::on_interrupted(machine::VcpuThread& thread) {
    vcpus_[thread.index().value]->on_interrupted();
}

void Debugger::on_parked(machine::VcpuThread& thread) {
    VcpuDebugger& vcpu = *vcpus_[thread.index().value];
    VcpuState& state = *states_[thread.index().value];
    vcpu.on_parked();
    if (const auto* at = vcpu.stop_registers())
        state.cache(at->general, at->system);
    else
        state.cache();
    coordinator_->note_parked(thread.index());
}

void Debugger::before_entry(machine::VcpuThread& thread) {
    coordinator_->note_running(thread.index());
    VcpuDebugger& vcpu = *vcpus_[thread.index().value];
    // A guest with kvmclock is told that it was stopped, so that its watchdogs stay quiet. A step blocks
    // interrupts, so that no watchdog looks at the clock; the guest is told when it runs on.
    if (started_ && vcpu.continues())
        (void)thread.vcpu().notify_paused();
    vcpu.before_entry(states_[thread.index().value]->cached());
}

void Debugger::on_dirty_ring_full(machine::VcpuThread& thread) {
    vcpus_[thread.index().value]->on_dirty_ring_full();
}

void Debugger::on_exit(machine::VcpuThread& thread, const exits::ExitRecord& exit) {
    owner_.on_exit(thread, exit);
}

void Debugger::on_dead(VcpuIndex, machine::FatalExit cause, const std::string& report) {
    owner_.post([this, cause, report] {
        if (!client_attached_ && keeps_past())
            owner_.on_crash_kept(report);
        else if (!client_attached_)
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
    owner_.on_console(text);
}

void Debugger::report_stop(VcpuIndex vcpu, std::string why) {
    coordinator_->report(
        vcpu, {thread_of(vcpu), gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, std::move(why)});
}

void Debugger::on_panic(VcpuIndex vcpu) {
    report_stop(vcpu, "the guest's kernel has panicked (pvpanic)\n");
    owner_.post([this] {
        owner_.on_panic(client_attached_ || keeps_past());
        if (!client_attached_ && keeps_past())
            owner_.on_crash_kept("the guest's kernel has panicked (pvpanic)\n");
    });
}

// ---- The server's thread: stops

void Debugger::on_all_stopped() {
    const bool restarts = restarts_at_stop_ || leaving_ == OnDisconnect::Restart;
    if (!restarts && (ended_ || (guest_end_ && !client_attached_ && !keeps_past())))
        return;  // nobody is there to see the stop
    token_ = machine_->stop_token();
    if (!token_)
        return;  // resumed again by a call that was quicker than this message
    if (std::exchange(restarts_at_stop_, false))
        return finish_restart();
    stop_asked_ = false;
    if (!started_ && !owner_.on_first_stop()) {
        ended_ = true;
        return;
    }
    if (!started_ && options_.record != 0)
        start_recording();
    if (!started_ && !options_.wait && !client_attached_) {
        resume_everything();
        return;
    }
    started_ = true;
    if (leaving_) {
        let_go(*leaving_);
        if (!client_attached_)
            return;
    }
    if (client_attached_)
        greet_client();
    auto stop = coordinator_->last_stop();
    stop.console = notices_.of_overwritten(*table_) + stop.console;
    owner_.on_stop(stop);
}

void Debugger::resume_everything() {
    if (guest_end_)
        return end_run();
    for (const auto& vcpu : vcpus_)
        vcpu->set_action(gdbstub::Continue{});
    started_ = true;
    token_.reset();
    coordinator_->resume_all();
}

// The client is gone and the guest is stopped: nothing of the debugger's stays behind in it.
void Debugger::let_go(OnDisconnect then) {
    leaving_.reset();
    client_attached_ = std::exchange(next_client_waits_, false);
    client_stays_ = client_greeted_ = false;
    put_guest_stops({});
    context_->block_interrupts = true;
    time_travel_->client_left(options_.keep_recording);
    table_->remove_all(*token_);
    owner_.on_client_gone();
    memory_access_->set_physical_mode(false);
    view_->choose_address_space(std::nullopt);
    view_->choose_level(std::nullopt);
    if (then == OnDisconnect::Restart)
        wait_anew();
    else if (then == OnDisconnect::Resume && !client_attached_)
        resume_everything();
}

// ---- The server's thread: gdbstub::Execution

gdbstub::Result<void> Debugger::resume(std::span<const gdbstub::ThreadResume> actions) {
    if (ended_)
        return refuse(Code::Invalid, "the machine has ended");
    if (!token_)
        return still_running();
    if (time_travel_->in_past() && !actions.empty()) {
        owner_.on_resume();
        return time_travel_->go_forward(actions.front());
    }
    return resume_live(actions);
}

gdbstub::Result<void> Debugger::resume_live(std::span<const gdbstub::ThreadResume> actions) {
    std::vector<VcpuIndex> vcpus;
    for (const auto& [thread, action] : actions) {
        const VcpuIndex vcpu = vcpu_of(thread);
        if (vcpu.value >= vcpus_.size())
            return refuse(Code::Invalid, fmt::format("there is no thread {}", thread.value));
        vcpus_[vcpu.value]->set_action(action);
        vcpus.push_back(vcpu);
        if (std::holds_alternative<gdbstub::Continue>(action))
            table_->forget_removed();
    }
    if (vcpus.empty())
        return refuse(Code::Invalid, "no thread was named to be resumed");
    if (guest_end_) {
        end_run();
        return {};
    }
    x86::ClassSet system;
    system.add(x86::RegisterClass::System);
    if (const auto state = states_[vcpus.front().value]->load(*token_, system))
        table_->settle(*view_, (*state)->system);
    if (!time_travel_->recorder().active())  // it steps the guest anyway
        notices_.of_plan(table_->plan(), context_->abilities);
    forget_removed_watchpoints();
    if (auto ready = time_travel_->before_running(); !ready)
        return refuse(ready.error());
    started_ = true;
    owner_.on_resume();
    token_.reset();
    coordinator_->resume(vcpus);
    return {};
}

void Debugger::interrupt() {
    if (time_travel_->travelling())
        return time_travel_->interrupt();
    stop_asked_ = true;
    coordinator_->interrupt(gdbstub::StoppedByInterrupt{});
}

gdbstub::StopEvent Debugger::last_stop() const {
    return coordinator_->last_stop();
}

std::vector<gdbstub::StopEvent> Debugger::simultaneous() const {
    return coordinator_->simultaneous();
}

void Debugger::reported_together() {
    coordinator_->forget_if([](const gdbstub::StopEvent&) { return true; });
}

// A client that has deleted a watchpoint does not know what to make of its hit. (gdb takes out what it has
// at each stop and puts it back before it resumes: only then is it known what it has deleted.)
void Debugger::forget_removed_watchpoints() {
    const auto list = table_->list();
    coordinator_->forget_if([&list](const gdbstub::StopEvent& event) {
        const auto* hit = std::get_if<gdbstub::StoppedByWatchpoint>(&event.reason);
        return hit != nullptr && std::ranges::none_of(list, [hit](const Breakpoint* b) {
                   return b->is_watchpoint() && b->request.address == hit->address;
               });
    });
}

bool Debugger::running() const {
    return (!token_ || time_travel_->travelling()) && !ended_;
}

void Debugger::kill() {
    if (options_.on_disconnect == OnDisconnect::Restart)
        leave(OnDisconnect::Restart);
    else
        owner_.on_quit();
}

void Debugger::attach() {
    client_attached_ = true;
    next_client_waits_ = leaving_.has_value();
    (void)abilities();  // a failure shows again, with its reason, at the first breakpoint
    if (!token_) {
        stop_asked_ = true;
        coordinator_->interrupt(gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false});
        return;
    }
    greet_client();
    if (time_travel_->travelling())
        time_travel_->interrupt();
}

// A client that leaves in good order leaves a running guest: the policy is for accidents.
void Debugger::detach() {
    const bool restarts = options_.on_disconnect == OnDisconnect::Restart;
    leave(restarts ? OnDisconnect::Restart : OnDisconnect::Resume);
}

void Debugger::client_lost() {
    if (client_attached_)
        leave(options_.on_disconnect);
}

void Debugger::leave(OnDisconnect then) {
    if (ended_ && then != OnDisconnect::Restart) {
        client_attached_ = client_stays_ = false;
        owner_.on_ended_and_left();
        return;
    }
    if (ended_ && coordinator_->stopped())
        token_ = machine_->stop_token();
    if (then == OnDisconnect::Quit) {
        owner_.on_quit();
        return;
    }
    if (token_) {
        let_go(then);
        return;
    }
    leaving_ = then;
    next_client_waits_ = false;
    coordinator_->interrupt(gdbstub::StoppedByInterrupt{});
}

std::string Debugger::fatal_reports() const {
    std::string text;
    for (const auto& vcpu : vcpus_) {
        if (token_ && vcpu->dead())
            text += *vcpu->dead();
    }
    return text;
}

// ---- The server's thread: gdbstub::Breakpoints

bool Debugger::blocks_interrupts() const {
    return context_->block_interrupts && context_->abilities.step_blocks_interrupts;
}

gdbstub::Result<void> Debugger::block_interrupts(bool on) {
    if (on && !context_->abilities.step_blocks_interrupts)
        return refuse(Code::Unsupported, "this host's KVM cannot block interrupts during a step");
    context_->block_interrupts = on;
    return {};
}

gdbstub::Result<void> Debugger::insert(gdbstub::ThreadId thread, const gdbstub::BreakpointRequest& request) {
    if (!token_)
        return still_running();
    if (const auto measured = abilities(); !measured)
        return refuse(measured.error());
    x86::ClassSet system;
    system.add(x86::RegisterClass::System);
    const auto state = states_[vcpu_of(thread).value]->load(*token_, system);
    if (!state)
        return refuse(state.error());
    if (auto r = table_->insert(*token_, *view_, (*state)->system, request); !r)
        return refuse(r.error(), Code::Invalid);
    return {};
}

gdbstub::Result<void> Debugger::remove(gdbstub::ThreadId, gdbstub::BreakpointKind kind,
                                       gdbstub::Address address, std::uint64_t size) {
    if (!token_)
        return still_running();
    table_->remove(*token_, kind, address, size);
    return {};
}

}  // namespace ringside::debug
