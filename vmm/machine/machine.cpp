#include "vmm/machine/machine.h"

#include <unistd.h>

#include <algorithm>

#include "vmm/kvm/vcpu.h"
#include "vmm/machine/layout.h"
#include "vmm/machine/vcpu_setup.h"

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

Result<std::unique_ptr<Machine>> Machine::create(const kvm::System& system, GuestMemory memory,
                                                 std::uint32_t vcpus, VcpuObserver& observer) {
    VcpuThread::install_kick_signal();
    auto vm = TRY(system.create_vm());
    std::unique_ptr<Machine> machine(new Machine(std::move(vm), std::move(memory)));
    TRY(machine->set_up_vm());
    TRY(machine->set_up_vcpus(system, vcpus, observer));
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

Result<void> Machine::set_up_vm() {
    TRY(vm_->set_tss_address(layout::kKvmTss));
    TRY(vm_->set_identity_map_address(layout::kKvmIdentityMap));
    TRY(vm_->create_irqchip());
    TRY(vm_->create_pit());
    // Accesses to MSRs that KVM does not know are seen like other exits, before the guest gets its #GP.
    constexpr std::uint64_t kMsrExits = KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER;
    if (vm_->check(KVM_CAP_X86_USER_SPACE_MSR) != 0) {
        TRY(vm_->enable(KVM_CAP_X86_USER_SPACE_MSR, kMsrExits));
    }
    TRY(enable_dirty_rings());
    std::uint32_t slot = 0;
    for (const MemoryRegion& region : memory_.regions()) {
        const std::uint32_t flags = region.read_only() ? KVM_MEM_READONLY : 0;
        TRY(vm_->set_memory(slot++, region.start(), region.size(), region.host(), flags));
    }
    return {};
}

// Costs nothing until a memory slot's dirty pages are logged. Only before the first vCPU.
Result<void> Machine::enable_dirty_rings() {
    if (static_cast<std::uint64_t>(vm_->check(KVM_CAP_DIRTY_LOG_RING)) < kvm::DirtyRing::kBytes)
        return {};
    has_dirty_rings_ = true;
    return vm_->enable(KVM_CAP_DIRTY_LOG_RING, kvm::DirtyRing::kBytes);
}

Result<void> Machine::set_up_vcpus(const kvm::System& system, std::uint32_t vcpus, VcpuObserver& observer) {
    const auto limit = static_cast<std::uint32_t>(vm_->check(KVM_CAP_MAX_VCPUS));
    if (vcpus == 0 || vcpus > limit)
        return failure("create " + std::to_string(vcpus) + " vCPUs",
                       "this host's KVM takes 1 to " + std::to_string(limit), "Choose another --cpus");
    const auto cpuid = TRY(system.supported_cpuid());
    features_ = features(cpuid);
    const bool tsc_deadline = vm_->check(KVM_CAP_TSC_DEADLINE_TIMER) != 0;
    std::vector<kvm::DirtyRing> rings;
    for (std::uint32_t i = 0; i < vcpus; ++i) {
        auto vcpu = TRY(vm_->create_vcpu(VcpuIndex{i}));
        TRY(vcpu.set_cpuid(vcpu_cpuid(cpuid, VcpuIndex{i}, vcpus, tsc_deadline)));
        TRY(set_up_common(vcpu));
        if (has_dirty_rings_)
            rings.push_back(TRY(kvm::DirtyRing::map(vcpu.fd(), VcpuIndex{i})));
        vcpus_.push_back(
            std::make_unique<VcpuThread>(std::make_unique<kvm::Vcpu>(std::move(vcpu)), buses_, observer));
    }
    set_dirty_pages(kvm_dirty_pages(*vm_, memory_, std::move(rings)));
    return {};
}

Machine::~Machine() {
    stop();
}

InterruptLine& Machine::interrupt(Gsi gsi) {
    return *lines_.emplace_back(std::make_unique<IrqchipLine>(*vm_, gsi));
}

Result<void> Machine::set_boot_state(const x86::GeneralRegisters& general,
                                     const x86::SystemRegisters& system) {
    for (auto& thread : vcpus_) {
        auto result = thread->index().value == 0 ? set_up_boot_vcpu(thread->vcpu(), general, system)
                                                 : set_up_application_vcpu(thread->vcpu());
        if (!result)
            return result;
    }
    return {};
}

void Machine::start() {
    for (auto& thread : vcpus_)
        thread->start();
}

void Machine::stop() {
    for (auto& thread : vcpus_)
        thread->stop();
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
