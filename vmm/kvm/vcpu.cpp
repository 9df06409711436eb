#include "vmm/kvm/vcpu.h"

#include <algorithm>
#include <cstring>

#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/nested_step.h"

namespace ringside::kvm {

Result<Vcpu> Vcpu::adopt(Fd fd, VcpuIndex index, std::size_t mapping_size, int sync_regs) {
    void* address = ::mmap(nullptr, mapping_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (address == MAP_FAILED)
        return tl::unexpected<Error>(ioctl_error("mmap kvm_run", errno, index));
    const bool synced = (static_cast<unsigned>(sync_regs) & KVM_SYNC_X86_REGS) != 0;
    Vcpu vcpu(std::move(fd), index, Mapping(address, mapping_size), synced);
    // Only the general registers: segments cost a dozen VMCS reads at each exit.
    if (synced)
        vcpu.shared().kvm_valid_regs = KVM_SYNC_X86_REGS;
    return vcpu;
}

Result<RunOutcome> Vcpu::run() {
    if (::ioctl(fd_.get(), KVM_RUN, 0UL) == 0)
        return RunOutcome::Exit;
    switch (errno) {
        case EINTR:
            return RunOutcome::Interrupted;
        case EAGAIN:
            return RunOutcome::Again;
        default:
            return tl::unexpected<Error>(ioctl_error("KVM_RUN", errno, index()));
    }
}

Result<void> Vcpu::settle() const {
    auto& run = *static_cast<kvm_run*>(mapping_.get());
    if ((run.kvm_dirty_regs & KVM_SYNC_X86_REGS) == 0)
        return {};
    run.kvm_dirty_regs &= ~std::uint64_t{KVM_SYNC_X86_REGS};
    return done(call(fd_.get(), KVM_SET_REGS, &run.s.regs.regs, "KVM_SET_REGS", index()));
}

template <typename T>
Result<T> Vcpu::get(unsigned long request, const char* name) const {
    TRY(settle());
    T value{};
    TRY(call(fd_.get(), request, &value, name, index()));
    return value;
}

template <typename T>
Result<void> Vcpu::set(unsigned long request, const T& value, const char* name) const {
    TRY(settle());
    return done(call(fd_.get(), request, &value, name, index()));
}

Result<x86::GeneralRegisters> Vcpu::general() const {
    return get<kvm_regs>(KVM_GET_REGS, "KVM_GET_REGS").map([](const kvm_regs& r) { return from_kvm(r); });
}

Result<void> Vcpu::set_general(const x86::GeneralRegisters& general) {
    const kvm_regs regs = to_kvm(general);
    shared().s.regs.regs = regs;
    shared().kvm_dirty_regs = 0;
    return set(KVM_SET_REGS, regs, "KVM_SET_REGS");
}

Result<x86::SystemRegisters> Vcpu::system() const {
    return get<kvm_sregs>(KVM_GET_SREGS, "KVM_GET_SREGS").map([this](const kvm_sregs& s) {
        x86::SystemRegisters registers = from_kvm(s);
        registers.inner = inner_guest(registers);
        return registers;
    });
}

Result<void> Vcpu::set_system(const x86::SystemRegisters& system) {
    const auto previous = TRY(get<kvm_sregs>(KVM_GET_SREGS, "KVM_GET_SREGS"));
    return set(KVM_SET_SREGS, to_kvm(system, previous), "KVM_SET_SREGS");
}

Result<x86::DebugRegisters> Vcpu::debug() const {
    return get<kvm_debugregs>(KVM_GET_DEBUGREGS, "KVM_GET_DEBUGREGS").map([](const kvm_debugregs& k) {
        x86::DebugRegisters d;
        std::copy(std::begin(k.db), std::end(k.db), d.dr.begin());
        d.dr6 = k.dr6;
        d.dr7 = k.dr7;
        return d;
    });
}

Result<void> Vcpu::set_debug(const x86::DebugRegisters& debug) {
    kvm_debugregs k{};
    std::copy(debug.dr.begin(), debug.dr.end(), std::begin(k.db));
    k.dr6 = debug.dr6;
    k.dr7 = debug.dr7;
    return set(KVM_SET_DEBUGREGS, k, "KVM_SET_DEBUGREGS");
}

Result<XsaveArea> Vcpu::xsave() const {
    return get<XsaveArea>(KVM_GET_XSAVE, "KVM_GET_XSAVE");
}

Result<void> Vcpu::set_xsave(const XsaveArea& area) {
    return set(KVM_SET_XSAVE, area, "KVM_SET_XSAVE");
}

Result<std::uint64_t> Vcpu::xcr0() const {
    const auto xcrs = TRY(get<kvm_xcrs>(KVM_GET_XCRS, "KVM_GET_XCRS"));
    for (std::uint32_t i = 0; i < xcrs.nr_xcrs; ++i) {
        if (xcrs.xcrs[i].xcr == 0)
            return xcrs.xcrs[i].value;
    }
    return tl::unexpected<Error>(Error{"KVM_GET_XCRS", "the host reports no XCR0", 0, index(), {}});
}

Result<void> Vcpu::set_xcr0(std::uint64_t value) {
    kvm_xcrs xcrs{};
    xcrs.nr_xcrs = 1;
    xcrs.xcrs[0].value = value;
    return set(KVM_SET_XCRS, xcrs, "KVM_SET_XCRS");
}

namespace {

constexpr std::size_t kMsrBatch = 64;

struct MsrBuffer {
    kvm_msrs header{};
    std::array<kvm_msr_entry, kMsrBatch> entries{};
};
static_assert(offsetof(MsrBuffer, entries) == sizeof(kvm_msrs));

Error too_many_msrs(const char* name, VcpuIndex index) {
    return Error{name, "more than " + std::to_string(kMsrBatch) + " MSRs in one call", 0, index, {}};
}

}  // namespace

Result<std::size_t> Vcpu::read_msrs(std::span<Msr> msrs) const {
    if (msrs.size() > kMsrBatch)
        return tl::unexpected<Error>(too_many_msrs("KVM_GET_MSRS", index()));
    MsrBuffer buffer;
    buffer.header.nmsrs = static_cast<__u32>(msrs.size());
    for (std::size_t i = 0; i < msrs.size(); ++i)
        buffer.entries[i].index = msrs[i].index;
    const auto count = TRY(call(fd_.get(), KVM_GET_MSRS, &buffer, "KVM_GET_MSRS", index()));
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
        msrs[i].value = buffer.entries[i].data;
    return static_cast<std::size_t>(count);
}

Result<void> Vcpu::write_msrs(std::span<const Msr> msrs) {
    if (msrs.size() > kMsrBatch)
        return tl::unexpected<Error>(too_many_msrs("KVM_SET_MSRS", index()));
    MsrBuffer buffer;
    buffer.header.nmsrs = static_cast<__u32>(msrs.size());
    for (std::size_t i = 0; i < msrs.size(); ++i) {
        buffer.entries[i].index = msrs[i].index;
        buffer.entries[i].data = msrs[i].value;
    }
    const auto count = TRY(call(fd_.get(), KVM_SET_MSRS, &buffer, "KVM_SET_MSRS", index()));
    if (static_cast<std::size_t>(count) < msrs.size()) {
        char name[32];
        std::snprintf(name, sizeof name, "MSR 0x%x was refused", msrs[static_cast<std::size_t>(count)].index);
        return tl::unexpected<Error>(Error{"KVM_SET_MSRS", name, 0, index(), {}});
    }
    return {};
}

Result<kvm_vcpu_events> Vcpu::events() const {
    return get<kvm_vcpu_events>(KVM_GET_VCPU_EVENTS, "KVM_GET_VCPU_EVENTS");
}

Result<void> Vcpu::set_events(const kvm_vcpu_events& events) {
    return set(KVM_SET_VCPU_EVENTS, events, "KVM_SET_VCPU_EVENTS");
}

Result<std::uint32_t> Vcpu::mp_state() const {
    return get<kvm_mp_state>(KVM_GET_MP_STATE, "KVM_GET_MP_STATE").map([](const kvm_mp_state& s) {
        return s.mp_state;
    });
}

Result<void> Vcpu::set_mp_state(std::uint32_t state) {
    return set(KVM_SET_MP_STATE, kvm_mp_state{state}, "KVM_SET_MP_STATE");
}

Result<void> Vcpu::set_cpuid(std::span<const kvm_cpuid_entry2> entries) const {
    std::vector<std::byte> buffer(sizeof(kvm_cpuid2) + entries.size_bytes());
    kvm_cpuid2 header{};
    header.nent = static_cast<__u32>(entries.size());
    std::memcpy(buffer.data(), &header, sizeof header);
    if (!entries.empty())
        std::memcpy(buffer.data() + sizeof header, entries.data(), entries.size_bytes());
    return done(call(fd_.get(), KVM_SET_CPUID2, buffer.data(), "KVM_SET_CPUID2", index()));
}

Result<kvm_lapic_state> Vcpu::lapic() const {
    return get<kvm_lapic_state>(KVM_GET_LAPIC, "KVM_GET_LAPIC");
}

Result<void> Vcpu::set_lapic(const kvm_lapic_state& state) {
    return set(KVM_SET_LAPIC, state, "KVM_SET_LAPIC");
}

Result<void> Vcpu::set_guest_debug(DebugControl control, std::span<const std::uint64_t, 4> dr, x86::Dr7 dr7) {
    kvm_guest_debug request{};
    request.control = control.raw();
    std::copy(dr.begin(), dr.end(), request.arch.debugreg);
    request.arch.debugreg[7] = dr7.raw();
    return set(KVM_SET_GUEST_DEBUG, request, "KVM_SET_GUEST_DEBUG");
}

Result<void> Vcpu::notify_paused() {
    if (::ioctl(fd_.get(), KVM_KVMCLOCK_CTRL, 0UL) < 0 && errno != EINVAL)
        return tl::unexpected<Error>(ioctl_error("KVM_KVMCLOCK_CTRL", errno, index()));
    return {};
}

Result<NestedState> Vcpu::nested_state() const {
    alignas(kvm_nested_state) std::array<std::byte, kNestedStateSize> raw{};
    kvm_nested_state header{};
    header.size = raw.size();
    std::memcpy(raw.data(), &header, sizeof header);
    if (::ioctl(fd_.get(), KVM_GET_NESTED_STATE, raw.data()) == 0) {
        auto state = kvm::nested_state(raw);
        if (may_show_single_step(state))
            hide_single_step(state, TRY(general()).rflags);
        return state;
    }
    if (errno == EINVAL || errno == ENOTTY)
        return tl::unexpected<Error>(
            Error{"KVM_GET_NESTED_STATE", "this host's KVM runs no hypervisors as guests", 0, index(), {}});
    return tl::unexpected<Error>(ioctl_error("KVM_GET_NESTED_STATE", errno, index()));
}

Result<void> Vcpu::set_nested_state(const NestedState& state) {
    TRY(settle());
    auto raw = to_kvm(state);
    return done(call(fd_.get(), KVM_SET_NESTED_STATE, raw.data(), "KVM_SET_NESTED_STATE", index()));
}

Result<Fd> Vcpu::statistics() const {
    return call(fd_.get(), KVM_GET_STATS_FD, 0UL, "KVM_GET_STATS_FD", index()).map([](int fd) {
        return Fd(fd);
    });
}

}  // namespace ringside::kvm
