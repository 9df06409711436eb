#include "vmm/machine/machine.h"

#include <unistd.h>

#include <algorithm>

namespace ringside::machine {

namespace {

class IrqchipLine final : public InterruptLine {
  public:
    IrqchipLine(const kvm::Vm& vm, Gsi gsi) : vm_(vm), gsi_(gsi) {}
    // KVM_IRQ_LINE on an existing irqchip with a GSI of its routing table cannot fail.
    void set(bool level) override { (void)vm_.irq_line(gsi_, level); }

  private:
    const kvm::Vm& vm_;
    Gsi gsi_;
};

}  // namespace

std::unique_ptr<Machine> Machine::create(Hardware hardware, VcpuObserver& observer) {
    VcpuThread::install_kick_signal();
    std::unique_ptr<Machine> machine(new Machine(std::move(hardware.vm), std::move(hardware.memory)));
    machine->features_ = hardware.features;
    for (auto& vcpu : hardware.vcpus) {
        machine->kvm_vcpus_.push_back(vcpu.get());
        machine->vcpus_.push_back(std::make_unique<VcpuThread>(std::move(vcpu), machine->buses_, observer));
    }
    machine->slots_.emplace(*machine->vm_, machine->memory_);
    machine->set_dirty_pages(kvm_dirty_pages(*machine->vm_, *machine->slots_, std::move(hardware.rings)));
    machine->set_write_protection(
        std::make_unique<KvmWriteProtection>(machine->memory_, *machine->slots_, *machine->dirty_pages_));
    return machine;
}

std::unique_ptr<Machine> Machine::assemble(GuestMemory memory, const CpuFeatures& features,
                                           std::vector<std::unique_ptr<kvm::VcpuPort>> vcpus,
                                           VcpuObserver& observer) {
    VcpuThread::install_kick_signal();
    std::unique_ptr<Machine> machine(new Machine(std::nullopt, std::move(memory)));
    machine->features_ = features;
    for (auto& vcpu : vcpus)
        machine->vcpus_.push_back(std::make_unique<VcpuThread>(std::move(vcpu), machine->buses_, observer));
    return machine;
}

Machine::~Machine() {
    stop();
}

InterruptLine& Machine::interrupt(Gsi gsi, std::string_view device) {
    wired_lines_.push_back({gsi, device});
    return *lines_.emplace_back(std::make_unique<IrqchipLine>(*vm_, gsi));
}

void Machine::start() {
    for (auto& thread : vcpus_)
        thread->start();
}

void Machine::stop() {
    for (auto& thread : vcpus_)
        thread->stop();
}

// The objects stay where they are, as others refer to them, and get new contents. The old ones end with `hardware`.
void Machine::restart(const StopToken& token, Hardware hardware) {
    std::swap(*vm_, hardware.vm);
    memory_.swap_regions(hardware.memory);
    for (std::size_t i = 0; i < kvm_vcpus_.size(); ++i)
        std::swap(*kvm_vcpus_[i], *hardware.vcpus[i]);
    protection_->forget();
    slots_->start_anew();
    dirty_pages_->replace_source(kvm_dirty_pages(*vm_, *slots_, std::move(hardware.rings)));
    power_on(token);
}

void Machine::power_on(const StopToken&) {
    device_states_.reset();
    withdraw_end();
}

std::optional<StopToken> Machine::stop_token() const {
    if (!std::ranges::all_of(vcpus_, [](const auto& thread) { return thread->parked(); }))
        return std::nullopt;
    return StopToken(device_gate_->close());
}

void Machine::end(const GuestEnd& how) {
    if (ended_.exchange(true))
        return;
    for (auto& thread : vcpus_)
        thread->suspend();
    if (on_end_)
        on_end_(caller(), how);
}

void Machine::withdraw_end() {
    if (!ended_.exchange(false))
        return;
    for (auto& thread : vcpus_)
        thread->resume();
}

void Machine::request_reset(const char* source) {
    end({GuestEnd::Kind::Reset, 0, source});
}
void Machine::request_power_off(const char* source) {
    end({GuestEnd::Kind::PowerOff, 0, source});
}
void Machine::request_exit(std::uint8_t status) {
    end({GuestEnd::Kind::DebugExit, status, "debug exit"});
}

void Machine::report_panic() {
    const auto vcpu = caller();
    if (vcpu && on_panic_)
        on_panic_(*vcpu);
}

std::optional<VcpuIndex> Machine::caller() const {
    const auto vcpu = std::ranges::find(vcpus_, ::gettid(), &VcpuThread::tid);
    return vcpu == vcpus_.end() ? std::nullopt : std::optional((*vcpu)->index());
}

}  // namespace ringside::machine
