#include "vmm/debug/target/debugger.h"

#include <fmt/format.h>

#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/run_control/vcpu_debugger.h"
#include "vmm/debug/target/client_target.h"
#include "vmm/debug/target/errors.h"

namespace ringside::debug {

using Code = gdbstub::TargetError::Code;

Debugger::Debugger(DebuggedMachine::Probe probe, DebuggerOptions options, DebuggerOwner& owner)
    : probe_(std::move(probe)),
      options_(options),
      owner_(owner),
      notices_(owner),
      clients_(*this, owner),
      restarts_(*this, owner),
      reports_(*this, owner) {}

Debugger::~Debugger() = default;

gdbstub::Target& Debugger::target() {
    return client_target_->target();
}

void Debugger::bind(machine::Machine& machine) {
    guest_ = std::make_unique<DebuggedMachine>(machine, std::move(probe_), options_.architecture, reports_,
                                               [this](std::optional<VcpuIndex> vcpu) {
                                                   owner_.post([this, vcpu] {
                                                       if (vcpu)
                                                           on_vcpu_stopped(*vcpu);
                                                       else
                                                           on_all_stopped();
                                                   });
                                               });
    time_travel_ = std::make_unique<TimeTravel>(*this, owner_);
    gdbstub::Execution& execution = *this;
    client_target_ =
        std::make_unique<ClientTarget>(*this, owner_, execution, restarts_, options_.architecture);
    guest_->context().recorder = &time_travel_->recorder();
    guest_->context().tracer = &client_target_->tracing();
}

// ---- The server's thread: stops

void Debugger::on_all_stopped() {
    const bool restarts = restarts_.pending() || clients_.leaving() == OnDisconnect::Restart;
    if (!restarts && (run_.over() || (run_.guest_end() && !client_attached() && !keeps_past())))
        return;  // no one is there to see the stop
    if (!guest_->take_stop())
        return;  // already resumed by a call that overtook this message
    if (restarts_.pending()) {
        if (!restarts_.finish() && !clients_.leaving())
            return resume_everything();
    } else {
        restarts_.note_stop();
        if (!run_.started() && !begin_run())
            return;
    }
    if (clients_.leaving()) {
        clients_.let_go();
        if (!client_attached())
            return;
    }
    show_stop();
}

bool Debugger::begin_run() {
    if (!owner_.on_first_stop()) {
        run_.end();
        return false;
    }
    record_from_start();
    if (!options_.wait && !client_attached()) {
        resume_everything();
        return false;
    }
    run_.start();
    clients_.note_at_start();
    return true;
}

void Debugger::show_stop() {
    if (client_attached())
        clients_.greet();
    for (std::uint32_t i = 0; i < vcpu_count(); ++i)
        describe_stop(VcpuIndex{i});
    auto stop = guest_->stops().last_stop();
    stop.console = notices_.of_overwritten(guest_->table()) + of_narrow_registers(stop.thread) + stop.console;
    owner_.on_stop(stop);
}

std::string Debugger::of_narrow_registers(gdbstub::ThreadId thread) {
    const VcpuIndex vcpu = vcpu_of(thread);
    if (options_.architecture == x86::GdbArchitecture::X86_64 || !client_attached() ||
        vcpu.value >= vcpu_count())
        return {};
    const auto now = registers_now(vcpu);
    return now ? notices_.of_narrow_registers(now->general, now->system) : std::string();
}

// In non-stop mode. The vCPU may have been resumed by a call that overtook this message.
void Debugger::on_vcpu_stopped(VcpuIndex vcpu) {
    if (run_.over() || !guest_->stops().non_stop() || !guest_->stops().stop_of(vcpu))
        return;
    const DebuggedMachine::Hold hold(*guest_);
    describe_stop(vcpu);
    owner_.on_stop(*guest_->stops().stop_of(vcpu));
}

void Debugger::describe_stop(VcpuIndex vcpu) {
    guest_->stops().describe(vcpu, [this](gdbstub::StopEvent& stop) { owner_.describe(stop); });
}

void Debugger::resume_everything() {
    if (run_.guest_end())
        return end_run();
    for (std::uint32_t i = 0; i < guest_->vcpu_count(); ++i)
        guest_->vcpu(VcpuIndex{i}).set_action(gdbstub::Continue{});
    if (stopped())
        notices_.of_moved_pages(guest_->guard_pages());
    run_.start();
    clients_.note_resumed();
    guest_->resume_all();
}

// ---- The server's thread: gdbstub::Execution

gdbstub::Result<void> Debugger::resume(std::span<const gdbstub::ThreadResume> actions) {
    if (run_.over())
        return refuse(Code::Invalid, "the machine has ended");
    if (!stopped())
        return still_running();
    if (time_travel_->in_past() && !actions.empty()) {
        owner_.on_resume();
        return time_travel_->go_forward(actions);
    }
    return resume_live(actions);
}

gdbstub::Result<std::vector<VcpuIndex>> Debugger::set_actions(
    std::span<const gdbstub::ThreadResume> actions) {
    std::vector<VcpuIndex> vcpus;
    for (const auto& [thread, action] : actions) {
        const VcpuIndex vcpu = vcpu_of(thread);
        if (vcpu.value >= guest_->vcpu_count())
            return refuse(Code::Invalid, fmt::format("there is no thread {}", thread.value));
        guest_->vcpu(vcpu).set_action(action);
        vcpus.push_back(vcpu);
        if (std::holds_alternative<gdbstub::Continue>(action))
            guest_->table().forget_removed();
    }
    if (vcpus.empty())
        return refuse(Code::Invalid, "no thread was named to be resumed");
    return vcpus;
}

gdbstub::Result<void> Debugger::resume_live(std::span<const gdbstub::ThreadResume> actions) {
    const auto vcpus = set_actions(actions);
    if (!vcpus)
        return tl::unexpected(vcpus.error());
    if (run_.guest_end()) {
        end_run();
        return {};
    }
    client_target_->tracing().settle();
    guest_->settle(vcpus->front());
    notices_.of_moved_pages(guest_->guard_pages());
    if (!time_travel_->recorder().active())  // it steps the guest anyway
        notices_.of_plan(guest_->table().plan(), guest_->context().abilities, guest_->guard().why_not());
    guest_->forget_removed_watchpoints();
    if (auto ready = time_travel_->before_running(); !ready)
        return refuse(ready.error());
    run_.start();
    clients_.note_resumed();
    owner_.on_resume();
    guest_->resume(*vcpus);
    return {};
}

void Debugger::interrupt() {
    if (time_travel_->travelling())
        return time_travel_->interrupt();
    restarts_.note_stop_asked();
    guest_->stops().interrupt(gdbstub::StoppedByInterrupt{});
}

gdbstub::StopEvent Debugger::last_stop() const {
    return guest_->stops().last_stop();
}

std::vector<gdbstub::StopEvent> Debugger::simultaneous() const {
    return guest_->stops().simultaneous();
}

void Debugger::reported_together() {
    guest_->stops().forget_if([](const gdbstub::StopEvent&) { return true; });
}

// In non-stop mode a held guest is not stopped.
bool Debugger::running() const {
    const auto& stops = guest_->stops();
    const bool runs = stops.non_stop() ? !stops.stopped() : !stopped();
    return (runs || time_travel_->travelling()) && !run_.over();
}

}  // namespace ringside::debug
