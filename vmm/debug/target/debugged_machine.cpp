#include "vmm/debug/target/debugged_machine.h"

#include <algorithm>

#include "vmm/debug/run_control/vcpu_debugger.h"

namespace ringside::debug {

namespace {

x86::FeatureSet feature_set(const machine::CpuFeatures& features) {
    return {features.avx, features.avx512, features.pkru};
}

}  // namespace

DebuggedMachine::DebuggedMachine(machine::Machine& machine, Probe probe, x86::GdbArchitecture architecture,
                                 VcpuEvents& events, StopCoordinator::OnStopped on_stopped)
    : machine_(machine),
      probe_(std::move(probe)),
      registers_(feature_set(machine.cpu_features()), architecture),
      table_(machine.memory()),
      view_(machine.memory(), table_.planted(), machine.cpu_features().physical_address_bits),
      stops_(machine, std::move(on_stopped)),
      turns_(machine),
      guard_(machine, table_, view_),
      context_{
          .table = table_, .view = view_, .coordinator = stops_, .registers = registers_, .events = events} {
    machine.memory().set_planted(table_.planted());
    context_.turns = &turns_;
    context_.guard = &guard_;
    make_vcpus();
}

DebuggedMachine::~DebuggedMachine() = default;

void DebuggedMachine::make_vcpus() {
    states_.clear();
    vcpus_.clear();
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i) {
        auto& thread = machine_.vcpu(VcpuIndex{i});
        states_.push_back(std::make_unique<VcpuState>(thread, machine_.cpu_features()));
        vcpus_.push_back(std::make_unique<VcpuDebugger>(thread, context_));
    }
}

Result<HostAbilities> DebuggedMachine::abilities() {
    if (!abilities_) {
        abilities_ = TRY(probe_());
        context_.abilities = *abilities_;
        table_.set_abilities(*abilities_);
    }
    return *abilities_;
}

// ---- vCPU threads

void DebuggedMachine::on_parked(VcpuIndex index) {
    VcpuDebugger& vcpu = *vcpus_[index.value];
    VcpuState& state = *states_[index.value];
    vcpu.on_parked();
    if (const auto* at = vcpu.stop_registers())
        state.cache(at->general, at->system);
    else
        state.cache();
    turns_.parked(index);
    stops_.note_parked(index);
}

// A guest with kvmclock is told that it was stopped, so that its watchdogs stay quiet. A step blocks interrupts, so that
// no watchdog reads the clock; the guest is told when it runs on.
void DebuggedMachine::before_entry(VcpuIndex index, bool tell_guest) {
    stops_.note_running(index);
    VcpuDebugger& vcpu = *vcpus_[index.value];
    if (tell_guest && vcpu.continues())
        (void)machine_.vcpu(index).vcpu().notify_paused();
    vcpu.before_entry(states_[index.value]->cached());
}

// ---- Everything stopped

bool DebuggedMachine::take_stop() {
    token_ = machine_.stop_token();
    return token_.has_value();
}

// A stopped machine needs no hold, and holds nest.
void DebuggedMachine::hold() {
    if (token_ && holds_ == 0)
        return;
    if (holds_++ == 0) {
        stops_.hold();
        take_stop();
    }
}

// vCPUs that were stopped at the beginning of a hold may have been resumed during it.
void DebuggedMachine::release() {
    if (holds_ == 0 || --holds_ != 0)
        return;
    end_stop();
    stops_.release();
    if (stops_.stopped())
        take_stop();
}

bool DebuggedMachine::runs(VcpuIndex vcpu) const {
    return stops_.non_stop() ? !stops_.stop_of(vcpu) : !token_;
}

void DebuggedMachine::resume(std::span<const VcpuIndex> vcpus) {
    turns_.resume(vcpus, stepped_by_client(vcpus));
    if (holds_ == 0)
        end_stop();
    stops_.resume(vcpus);
}

void DebuggedMachine::resume_all() {
    std::vector<VcpuIndex> all;
    for (std::uint32_t i = 0; i < vcpus_.size(); ++i)
        all.push_back(VcpuIndex{i});
    turns_.resume(all, std::nullopt);
    end_stop();
    stops_.resume_all();
}

std::optional<VcpuIndex> DebuggedMachine::stepped_by_client(std::span<const VcpuIndex> vcpus) const {
    const auto found =
        std::ranges::find_if(vcpus, [this](VcpuIndex vcpu) { return !vcpus_[vcpu.value]->continues(); });
    return found == vcpus.end() ? std::nullopt : std::optional(*found);
}

Result<const x86::CpuState*> DebuggedMachine::load(VcpuIndex vcpu, x86::ClassSet classes) {
    if (!token_)
        return failure("read registers", "the guest is running", "Interrupt it first");
    return state(vcpu).load(*token_, classes);
}

Result<const x86::CpuState*> DebuggedMachine::load_system(VcpuIndex vcpu) {
    x86::ClassSet classes;
    classes.add(x86::RegisterClass::General);
    classes.add(x86::RegisterClass::System);
    return load(vcpu, classes);
}

Result<const x86::CpuState*> DebuggedMachine::load_all(VcpuIndex vcpu) {
    x86::ClassSet all;
    for (const auto which :
         {x86::RegisterClass::General, x86::RegisterClass::System, x86::RegisterClass::Extended,
          x86::RegisterClass::Debug, x86::RegisterClass::Msrs, x86::RegisterClass::Xcr0})
        all.add(which);
    return load(vcpu, all);
}

void DebuggedMachine::settle(VcpuIndex vcpu) {
    if (const auto state = load_system(vcpu))
        table_.settle(view_, (*state)->system);
}

std::string DebuggedMachine::guard_pages() {
    std::vector<PageGuard::Vcpu> vcpus;
    const bool wanted = !table_.plan().stepped_watchpoints.empty();
    for (std::uint32_t i = 0; wanted && i < vcpus_.size(); ++i) {
        if (const auto state = load_system(VcpuIndex{i}))
            vcpus.push_back({(*state)->system, machine_.vcpu(VcpuIndex{i}).call([](kvm::VcpuPort& vcpu) {
                                 return PageGuard::kvm_areas(vcpu);
                             })});
    }
    const bool steps = context_.recorder != nullptr && context_.recorder->active();
    return guard_.prepare(*token_, context_.abilities, vcpus, steps || vcpus.size() != vcpus_.size());
}

// A client that has deleted a watchpoint cannot interpret its hit. (gdb removes its watchpoints
// at each stop and inserts them before it resumes: only then is it known which it has deleted.)
void DebuggedMachine::forget_removed_watchpoints() {
    const auto list = table_.list();
    stops_.forget_if([&list](const gdbstub::StopEvent& event) {
        const auto* hit = std::get_if<gdbstub::StoppedByWatchpoint>(&event.reason);
        return hit != nullptr && std::ranges::none_of(list, [hit](const Breakpoint* b) {
                   return b->is_watchpoint() && b->request.address == hit->address;
               });
    });
}

Result<void> DebuggedMachine::set_guest_stops(const GuestStops& stops) {
    if (!token_)
        return failure("guest stops", "the guest is running", "Interrupt it first");
    const auto host = TRY(abilities());
    TRY(check_guest_stops(stops, host));
    put_guest_stops(stops);
    return {};
}

void DebuggedMachine::put_guest_stops(const GuestStops& stops) {
    context_.guest_stops = stops;
    for (std::uint32_t i = 0; i < machine_.vcpu_count(); ++i)
        machine_.vcpu(VcpuIndex{i}).set_stop_port(stops.port);
}

Result<void> DebuggedMachine::watch_handlers(std::vector<WatchedHandler> watched) {
    if (!token_)
        return failure("watch handlers", "the guest is running", "Interrupt it first");
    TRY(abilities());
    context_.handlers.set(std::move(watched), vcpus_.size());
    const auto state = TRY(load_system(VcpuIndex{0}));
    table_.set_judged(view_, state->system, {});
    (void)look_at_handlers();  // nothing has changed yet
    return {};
}

std::string DebuggedMachine::look_at_handlers() {
    std::string said;
    for (std::uint32_t i = 0; i < vcpus_.size() && !context_.handlers.empty(); ++i) {
        const auto state = load_system(VcpuIndex{i});
        if (state && context_.handlers.look(VcpuIndex{i}, view_, (*state)->system, said))
            table_.set_judged(view_, (*state)->system, context_.handlers.places());
    }
    return said;
}

void DebuggedMachine::choose_defaults() {
    view_.choose_address_space(std::nullopt);
    view_.choose_level(std::nullopt);
}

void DebuggedMachine::forget_client() {
    put_guest_stops({});
    context_.block_interrupts = true;
    table_.remove_abandoned(*token_);
    choose_defaults();
}

void DebuggedMachine::remove_breakpoints() {
    table_.remove_all(*token_);
}

// The memory is replaced between removing the breakpoints and placing them.
void DebuggedMachine::start_anew(bool kept, const std::function<void()>& restart) {
    if (!kept)
        table_.remove_all(*token_);
    table_.lift_all(*token_);
    choose_defaults();
    guard_.forget();
    restart();
    make_vcpus();
    context_.handlers.forget();
    stops_.replace_stop({gdbstub::ThreadId{1}, gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, {}});
    if (const auto state = load_system(VcpuIndex{0}))
        table_.place_all(*token_, view_, (*state)->system);
    (void)look_at_handlers();  // of the new guest: none has changed
}

std::string DebuggedMachine::fatal_reports() const {
    std::string text;
    for (const auto& vcpu : vcpus_) {
        if (token_ && vcpu->dead())
            text += *vcpu->dead();
    }
    return text;
}

// ---- Time travel

void DebuggedMachine::moved_in_time(VcpuIndex vcpu, const x86::GeneralRegisters& general,
                                    const x86::SystemRegisters& system, bool present) {
    state(vcpu).cache(general, system);
    vcpus_[vcpu.value]->moved_in_time(present);
}

void DebuggedMachine::restored() {
    for (std::size_t i = 0; i < vcpus_.size(); ++i) {
        states_[i]->forget();
        vcpus_[i]->moved_in_time(false);
    }
    const auto thread = stops_.last_stop().thread;
    stops_.replace_stop({thread, gdbstub::StoppedBySignal{gdbstub::Signal::Trap, false}, {}});
}

void DebuggedMachine::future_is_gone() {
    for (const auto& vcpu : vcpus_)
        vcpu->future_is_gone();
}

}  // namespace ringside::debug
