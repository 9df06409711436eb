#include "vmm/kvm/vm.h"

#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/vcpu.h"

namespace ringside::kvm {

int Vm::check(int capability) const {
    const int result = ::ioctl(fd_.get(), KVM_CHECK_EXTENSION, static_cast<unsigned long>(capability));
    return result < 0 ? 0 : result;
}

Result<void> Vm::enable(std::uint32_t capability, std::uint64_t argument) const {
    kvm_enable_cap request{};
    request.cap = capability;
    request.args[0] = argument;
    return done(call(fd_.get(), KVM_ENABLE_CAP, &request, "KVM_ENABLE_CAP"));
}

Result<void> Vm::set_memory(std::uint32_t slot, Gpa start, std::uint64_t size, std::byte* host,
                            std::uint32_t flags) const {
    kvm_userspace_memory_region region{};
    region.slot = slot;
    region.flags = flags;
    region.guest_phys_addr = start.value;
    region.memory_size = size;
    region.userspace_addr = reinterpret_cast<std::uintptr_t>(host);
    return done(call(fd_.get(), KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION"));
}

Result<void> Vm::set_tss_address(Gpa gpa) const {
    return done(call(fd_.get(), KVM_SET_TSS_ADDR, static_cast<unsigned long>(gpa.value), "KVM_SET_TSS_ADDR"));
}

Result<void> Vm::set_identity_map_address(Gpa gpa) const {
    std::uint64_t address = gpa.value;
    return done(call(fd_.get(), KVM_SET_IDENTITY_MAP_ADDR, &address, "KVM_SET_IDENTITY_MAP_ADDR"));
}

Result<void> Vm::create_irqchip() const {
    return done(call(fd_.get(), KVM_CREATE_IRQCHIP, 0UL, "KVM_CREATE_IRQCHIP"));
}

Result<void> Vm::create_pit() const {
    kvm_pit_config config{};
    config.flags = KVM_PIT_SPEAKER_DUMMY;
    return done(call(fd_.get(), KVM_CREATE_PIT2, &config, "KVM_CREATE_PIT2"));
}

Result<void> Vm::irq_line(Gsi gsi, bool level) const {
    kvm_irq_level request{};
    request.irq = gsi.value;
    request.level = level ? 1 : 0;
    return done(call(fd_.get(), KVM_IRQ_LINE, &request, "KVM_IRQ_LINE"));
}

Result<kvm_irqchip> Vm::irqchip(std::uint32_t chip) const {
    kvm_irqchip state{};
    state.chip_id = chip;
    TRY(done(call(fd_.get(), KVM_GET_IRQCHIP, &state, "KVM_GET_IRQCHIP")));
    return state;
}

Result<void> Vm::set_irqchip(const kvm_irqchip& state) const {
    return done(call(fd_.get(), KVM_SET_IRQCHIP, &state, "KVM_SET_IRQCHIP"));
}

Result<kvm_pit_state2> Vm::pit_state() const {
    kvm_pit_state2 state{};
    TRY(done(call(fd_.get(), KVM_GET_PIT2, &state, "KVM_GET_PIT2")));
    return state;
}

Result<void> Vm::set_pit_state(const kvm_pit_state2& state) const {
    return done(call(fd_.get(), KVM_SET_PIT2, &state, "KVM_SET_PIT2"));
}

Result<std::uint64_t> Vm::clock() const {
    kvm_clock_data data{};
    TRY(done(call(fd_.get(), KVM_GET_CLOCK, &data, "KVM_GET_CLOCK")));
    return std::uint64_t{data.clock};
}

Result<void> Vm::set_clock(std::uint64_t ns) const {
    kvm_clock_data data{};
    data.clock = ns;
    return done(call(fd_.get(), KVM_SET_CLOCK, &data, "KVM_SET_CLOCK"));
}

Result<void> Vm::dirty_log(std::uint32_t slot, std::span<std::uint64_t> bitmap) const {
    kvm_dirty_log request{};
    request.slot = slot;
    request.dirty_bitmap = bitmap.data();
    return done(call(fd_.get(), KVM_GET_DIRTY_LOG, &request, "KVM_GET_DIRTY_LOG"));
}

Result<void> Vm::reset_dirty_rings() const {
    return done(call(fd_.get(), KVM_RESET_DIRTY_RINGS, 0UL, "KVM_RESET_DIRTY_RINGS"));
}

Result<Vcpu> Vm::create_vcpu(VcpuIndex index) const {
    const int fd = TRY(
        call(fd_.get(), KVM_CREATE_VCPU, static_cast<unsigned long>(index.value), "KVM_CREATE_VCPU", index));
    return Vcpu::adopt(Fd(fd), index, vcpu_mapping_, check(KVM_CAP_SYNC_REGS));
}

Result<bool> Vm::exit_at_msrs() const {
    if (check(KVM_CAP_X86_USER_SPACE_MSR) == 0)
        return false;
    TRY(enable(KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER));
    return true;
}

Result<void> Vm::deny_msrs(std::span<const DeniedMsr> msrs) const {
    kvm_msr_filter filter{};
    filter.flags = KVM_MSR_FILTER_DEFAULT_ALLOW;
    std::uint64_t denied = 0;  // a bitmap of one MSR; KVM reads whole longs
    for (std::size_t i = 0; i < std::min(msrs.size(), kMostDeniedMsrs); ++i) {
        const DeniedMsr& msr = msrs[i];
        const std::uint32_t flags =
            (msr.reads ? KVM_MSR_FILTER_READ : 0U) | (msr.writes ? KVM_MSR_FILTER_WRITE : 0U);
        filter.ranges[i] = {flags, 1, msr.index, reinterpret_cast<std::uint8_t*>(&denied)};
    }
    return done(call(fd_.get(), KVM_X86_SET_MSR_FILTER, &filter, "KVM_X86_SET_MSR_FILTER"));
}

Result<Fd> Vm::statistics() const {
    return call(fd_.get(), KVM_GET_STATS_FD, 0UL, "KVM_GET_STATS_FD").map([](int fd) { return Fd(fd); });
}

}  // namespace ringside::kvm
