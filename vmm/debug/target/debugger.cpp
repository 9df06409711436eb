#include "vmm/debug/target/debugger.h"

#include <fmt/format.h>

#include "vmm/debug/run_control/thread_ids.h"
#include "vmm/debug/run_control/vcpu_debugger.h"
#include "vmm/debug/target/breakpoint_access.h"
#include "vmm/debug/target/errors.h"
#include "vmm/debug/target/memory_access.h"
#include "vmm/debug/target/non_stop_access.h"
#include "vmm/debug/target/register_access.h"
#include "vmm/debug/target/thread_access.h"
#include "vmm/debug/trace/tracing.h"

namespace ringside::debug {

using Code = gdbstub::TargetError::Code;

Debugger::Debugger(DebuggedMachine::Probe probe, DebuggerOptions options, DebuggerOwner& owner)
    : probe_(std::move(probe)), options_(options), owner_(owner), notices_(owner) {}

Debugger::~Debugger() = default;

void Debugger::bind(machine::Machine& machine) {
    VcpuEvents& events = *this;
    guest_ = std::make_unique<DebuggedMachine>(machine, std::move(probe_), options_.architecture, events,
                                               [this](std::optional<VcpuIndex> vcpu) {
                                                   owner_.post([this, vcpu] {
                                                       if (vcpu)
                                                           on_vcpu_stopped(*vcpu);
                                                       else
                                                           on_all_stopped();
                                                   });
                                               });
    time_travel_ = std::make_unique<TimeTravel>(*this, owner_);
    guest_->context().recorder = &time_travel_->recorder();
    threads_ = std::make_unique<ThreadAccess>(*guest_, owner_);
    register_access_ = std::make_unique<RegisterAccess>(*this);
    memory_access_ = std::make_unique<MemoryAccess>(*this, guest_->view());
    breakpoints_ = std::make_unique<BreakpointAccess>(*guest_);
    non_stop_ = std::make_unique<NonStopAccess>(*guest_, *time_travel_);
    tracing_ = std::make_unique<Tracing>(guest_->registers(), guest_->view(), machine.cpu_features(),
                                         std::bind_front(&BreakpointAccess::trace, breakpoints_.get()));
    guest_->context().tracer = tracing_.get();
    // A triple without vendor and system matches every kernel file in LLDB, whatever its ABI tag says.
    const bool wide = options_.architecture == x86::GdbArchitecture::X86_64;
    target_ = std::make_unique<gdbstub::Target>(gdbstub::Target{.threads = *threads_,
                                                                .registers = *register_access_,
                                                                .memory = *memory_access_,
                                                                .execution = *this,
                                                                .breakpoints = breakpoints_.get(),
                                                                .stepping = breakpoints_.get(),
                                                                .non_stop = non_stop_.get(),
                                                                .restart = this,
                                                                .tracepoints = tracing_.get(),
                                                                .triple = wide ? "x86_64" : "i386",
                                                                .address_bytes = wide ? 8U : 4U});
}

// ---- The server's thread: stops

void Debugger::on_all_stopped() {
    const bool restarts = restarts_at_stop_ || client_.leaving() == OnDisconnect::Restart;
    if (!restarts && (ended_ || (guest_end_ && !client_.attached() && !keeps_past())))
        return;  // no one is there to see the stop
    if (!guest_->take_stop())
        return;  // already resumed by a call that overtook this message
    if (std::exchange(restarts_at_stop_, false))
        return finish_restart();
    stop_asked_ = false;
    if (!started_ && !owner_.on_first_stop()) {
        ended_ = true;
        return;
    }
    if (!started_ && options_.record != 0)
        start_recording();
    if (!started_ && !options_.wait && !client_.attached()) {
        resume_everything();
        return;
    }
    if (!std::exchange(started_, true) && options_.on_disconnect == OnDisconnect::Restart)
        unused_ = Unused::AtStart;
    if (client_.leaving()) {
        let_go(*client_.leaving());
        if (!client_.attached())
            return;
    }
    if (client_.attached())
        greet_client();
    auto stop = guest_->stops().last_stop();
    stop.console = notices_.of_overwritten(guest_->table()) + of_narrow_registers(stop.thread) + stop.console;
    owner_.on_stop(stop);
}

std::string Debugger::of_narrow_registers(gdbstub::ThreadId thread) {
    const VcpuIndex vcpu = vcpu_of(thread);
    if (options_.architecture == x86::GdbArchitecture::X86_64 || !client_.attached() ||
        vcpu.value >= vcpu_count())
        return {};
    const auto now = registers_now(vcpu);
    return now ? notices_.of_narrow_registers(now->general, now->system) : std::string();
}

// In non-stop mode. The vCPU may have been resumed by a call that overtook this message.
void Debugger::on_vcpu_stopped(VcpuIndex vcpu) {
    const auto stop = guest_->stops().stop_of(vcpu);
    if (ended_ || !guest_->stops().non_stop() || !stop)
        return;
    const DebuggedMachine::Hold hold(*guest_);
    owner_.on_stop(*stop);
}

void Debugger::resume_everything() {
    if (guest_end_)
        return end_run();
    for (std::uint32_t i = 0; i < guest_->vcpu_count(); ++i)
        guest_->vcpu(VcpuIndex{i}).set_action(gdbstub::Continue{});
    started_ = true;
    unused_ = Unused::No;
    guest_->resume_all();
}

// ---- The server's thread: gdbstub::Execution

gdbstub::Result<void> Debugger::resume(std::span<const gdbstub::ThreadResume> actions) {
    if (ended_)
        return refuse(Code::Invalid, "the machine has ended");
    if (!stopped())
        return still_running();
    if (time_travel_->in_past() && !actions.empty()) {
        owner_.on_resume();
        return time_travel_->go_forward(actions);
    }
    return resume_live(actions);
}

gdbstub::Result<void> Debugger::resume_live(std::span<const gdbstub::ThreadResume> actions) {
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
    if (guest_end_) {
        end_run();
        return {};
    }
    tracing_->settle();
    guest_->settle(vcpus.front());
    if (!time_travel_->recorder().active())  // it steps the guest anyway
        notices_.of_plan(guest_->table().plan(), guest_->context().abilities);
    guest_->forget_removed_watchpoints();
    if (auto ready = time_travel_->before_running(); !ready)
        return refuse(ready.error());
    started_ = true;
    unused_ = Unused::No;
    owner_.on_resume();
    guest_->resume(vcpus);
    return {};
}

void Debugger::interrupt() {
    if (time_travel_->travelling())
        return time_travel_->interrupt();
    stop_asked_ = true;
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
    return (runs || time_travel_->travelling()) && !ended_;
}

}  // namespace ringside::debug
