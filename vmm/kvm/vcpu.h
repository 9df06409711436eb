// One vCPU: KVM_RUN, the shared kvm_run page, and every register class as a value of arch's types.
//
// Threading: a Vcpu belongs to its own thread. The one exception is request_immediate_exit(), which any
// thread may call.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "arch/x86_64/cpu_state.h"
#include "vmm/base/error.h"
#include "vmm/base/fd.h"
#include "vmm/base/ids.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::kvm {

// How KVM_RUN came back.
enum class RunOutcome : std::uint8_t {
    Exit,         // kvm_run's exit_reason is valid
    Interrupted,  // EINTR: a signal or immediate_exit; no exit to handle
    Again,        // EAGAIN: a vCPU that waits for SIPI was woken; run it again
};

struct Msr {
    std::uint32_t index = 0;
    std::uint64_t value = 0;
};

// The raw XSAVE area in standard format, as KVM_GET_XSAVE fills it.
using XsaveArea = std::array<std::byte, sizeof(kvm_xsave)>;

class Vcpu {
  public:
    static Result<Vcpu> adopt(Fd fd, VcpuIndex index, std::size_t mapping_size, int sync_regs);

    VcpuIndex index() const { return index_; }
    int fd() const { return fd_.get(); }

    // KVM_RUN. An error is anything but EINTR and EAGAIN.
    Result<RunOutcome> run();
    kvm_run& shared() { return *static_cast<kvm_run*>(mapping_.get()); }
    const kvm_run& shared() const { return *static_cast<const kvm_run*>(mapping_.get()); }
    // Makes the next (or a racing) KVM_RUN return at once, once a signal reaches the thread too; any thread.
    void request_immediate_exit(bool on);

    // With KVM_CAP_SYNC_REGS the general registers of the last exit lie in kvm_run: no ioctl. Otherwise asks
    // KVM.
    bool has_synced_registers() const { return synced_; }
    const kvm_regs& synced_registers() const { return shared().s.regs.regs; }
    // Whether each exit brings the system registers along as well, for as long as a debugger steps: the next
    // exit is the first to have them.
    void sync_system_registers(bool on);
    bool syncs_system_registers() const { return (shared().kvm_valid_regs & KVM_SYNC_X86_SREGS) != 0; }
    x86::SystemRegisters synced_system() const;
    // Writes to kvm_run's copy; taken over at the next KVM_RUN.
    kvm_regs& edit_synced_registers();

    Result<x86::GeneralRegisters> general() const;
    Result<void> set_general(const x86::GeneralRegisters&);
    Result<x86::SystemRegisters> system() const;
    Result<void> set_system(const x86::SystemRegisters&) const;
    Result<x86::DebugRegisters> debug() const;
    Result<void> set_debug(const x86::DebugRegisters&) const;
    // KVM_GET_XSAVE, or KVM_GET_FPU's legacy region where the host has no XSAVE.
    Result<XsaveArea> xsave() const;
    Result<void> set_xsave(const XsaveArea&) const;
    Result<std::uint64_t> xcr0() const;
    Result<void> set_xcr0(std::uint64_t) const;

    // KVM_GET_MSRS reads as many as it can: the count says where it stopped.
    Result<std::size_t> read_msrs(std::span<Msr> msrs) const;
    // KVM_SET_MSRS; an error names the first MSR that was refused.
    Result<void> write_msrs(std::span<const Msr> msrs) const;

    Result<kvm_vcpu_events> events() const;
    Result<void> set_events(const kvm_vcpu_events&) const;
    Result<std::uint32_t> mp_state() const;
    Result<void> set_mp_state(std::uint32_t) const;
    Result<void> set_cpuid(std::span<const kvm_cpuid_entry2>) const;
    Result<kvm_lapic_state> lapic() const;
    Result<void> set_lapic(const kvm_lapic_state&) const;
    // KVM_SET_GUEST_DEBUG: `control` is a set of KVM_GUESTDBG_*.
    Result<void> set_guest_debug(std::uint32_t control, std::span<const std::uint64_t, 4> dr,
                                 std::uint64_t dr7) const;
    // KVM_KVMCLOCK_CTRL: tells a guest with kvmclock that it was stopped, so that its watchdogs stay quiet.
    // EINVAL (the guest has no kvmclock) is no error.
    Result<void> notify_paused() const;
    Result<Fd> statistics() const;

  private:
    Vcpu(Fd fd, VcpuIndex index, Mapping mapping, bool synced)
        : fd_(std::move(fd)), index_(index), mapping_(std::move(mapping)), synced_(synced) {}

    template <typename T>
    Result<T> get(unsigned long request, const char* name) const;
    template <typename T>
    Result<void> set(unsigned long request, const T& value, const char* name) const;

    Fd fd_;
    VcpuIndex index_;
    Mapping mapping_;
    bool synced_ = false;
};

// Between KVM's structs and arch's values.
x86::GeneralRegisters from_kvm(const kvm_regs&);
kvm_regs to_kvm(const x86::GeneralRegisters&);
x86::SystemRegisters from_kvm(const kvm_sregs&);
// `previous` supplies what SystemRegisters does not hold: the pending-interrupt bitmap.
kvm_sregs to_kvm(const x86::SystemRegisters&, const kvm_sregs& previous);

}  // namespace ringside::kvm
