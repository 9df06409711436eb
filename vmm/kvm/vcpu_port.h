// A vCPU as the core of the monitor sees it: registers, debug setup, events, entry and exit. kvm::Vcpu implements it
// with KVM's ioctls, and tests script one. Data in the kvm_run page costs no virtual call.
//
// Threading: a vCPU belongs to its own thread. The one exception is request_immediate_exit(), which any thread may
// call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "arch/x86_64/cpu_state.h"
#include "arch/x86_64/debug_registers.h"
#include "vmm/base/error.h"
#include "vmm/base/fd.h"
#include "vmm/kvm/cpuid_list.h"
#include "vmm/kvm/guest_debug.h"
#include "vmm/kvm/kvm_abi.h"
#include "vmm/kvm/nested_state.h"

namespace ringside::kvm {

// What each exit delivers in kvm_run, so that no ioctl has to fetch it. Each value includes the one before it.
enum class SyncedState : std::uint8_t { General, System, Events };

// How KVM_RUN returned.
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

class VcpuPort {
  public:
    virtual ~VcpuPort() = default;

    VcpuIndex index() const { return index_; }
    kvm_run& shared() { return *run_page_; }
    const kvm_run& shared() const { return *run_page_; }
    // Makes the next (or a concurrent) KVM_RUN return at once, after a signal has also reached the thread; any thread.
    void request_immediate_exit(bool on);

    // With KVM_CAP_SYNC_REGS the general registers of the last exit are in kvm_run: no ioctl. Otherwise asks KVM.
    bool has_synced_registers() const { return synced_; }
    const kvm_regs& synced_registers() const { return shared().s.regs.regs; }
    // Takes effect from the next exit on. Every class beyond the general registers costs time at each exit.
    void sync_at_exits(SyncedState);
    bool syncs_system_registers() const { return (shared().kvm_valid_regs & KVM_SYNC_X86_SREGS) != 0; }
    bool syncs_events() const { return (shared().kvm_valid_regs & KVM_SYNC_X86_EVENTS) != 0; }
    x86::SystemRegisters synced_system() const;
    const kvm_vcpu_events& synced_events() const { return shared().s.regs.events; }
    // As set_general(), by the next KVM_RUN, without an ioctl: for has_synced_registers().
    void set_general_at_entry(const x86::GeneralRegisters&);

    // KVM_RUN. An error is anything but EINTR and EAGAIN.
    virtual Result<RunOutcome> run() = 0;

    virtual Result<x86::GeneralRegisters> general() const = 0;
    virtual Result<void> set_general(const x86::GeneralRegisters&) = 0;
    virtual Result<x86::SystemRegisters> system() const = 0;
    virtual Result<void> set_system(const x86::SystemRegisters&) = 0;
    virtual Result<x86::DebugRegisters> debug() const = 0;
    virtual Result<void> set_debug(const x86::DebugRegisters&) = 0;
    // KVM_GET_XSAVE, or KVM_GET_FPU's legacy region if the host has no XSAVE.
    virtual Result<XsaveArea> xsave() const = 0;
    virtual Result<void> set_xsave(const XsaveArea&) = 0;
    virtual Result<std::uint64_t> xcr0() const = 0;
    virtual Result<void> set_xcr0(std::uint64_t) = 0;
    // KVM_GET_MSRS reads as many as it can: the count says where it stopped.
    virtual Result<std::size_t> read_msrs(std::span<Msr> msrs) const = 0;
    // KVM_SET_MSRS; an error names the first MSR that was refused.
    virtual Result<void> write_msrs(std::span<const Msr> msrs) = 0;

    virtual Result<kvm_vcpu_events> events() const = 0;
    virtual Result<void> set_events(const kvm_vcpu_events&) = 0;
    virtual Result<std::uint32_t> mp_state() const = 0;
    virtual Result<void> set_mp_state(std::uint32_t) = 0;
    // KVM_SET_GUEST_DEBUG.
    virtual Result<void> set_guest_debug(DebugControl control, std::span<const std::uint64_t, 4> dr,
                                         x86::Dr7 dr7) = 0;
    // KVM_KVMCLOCK_CTRL: tells a guest with kvmclock that it was stopped, so that its watchdogs stay quiet.
    // EINVAL (the guest has no kvmclock) is not an error.
    virtual Result<void> notify_paused() = 0;
    // Returns true if the vCPU's CPUID announces CLAC, STAC and CR4.SMAP.
    virtual Result<bool> has_smap() const = 0;
    // KVM_GET_NESTED_STATE. The error says so if this host's KVM has none.
    virtual Result<NestedState> nested_state() const = 0;
    // KVM_SET_NESTED_STATE. After an error the vCPU may have left L2, and VMX operation.
    virtual Result<void> set_nested_state(const NestedState&) = 0;
    // KVM's state of an inner guest (L2) of a guest with these registers. Makes no ioctl if it is not a hypervisor.
    x86::InnerGuest inner_guest(const x86::SystemRegisters&) const;
    // KVM_GET_STATS_FD.
    virtual Result<Fd> statistics() const = 0;
    // KVM_GET_CPUID2: the vCPU's CPUID as set.
    virtual Result<CpuidList> cpuid() const = 0;
    virtual Result<kvm_lapic_state> lapic() const = 0;
    virtual Result<void> set_lapic(const kvm_lapic_state&) = 0;

  protected:
    VcpuPort(VcpuIndex index, kvm_run* run_page, bool synced)
        : index_(index), run_page_(run_page), synced_(synced) {}
    VcpuPort(VcpuPort&&) = default;
    VcpuPort& operator=(VcpuPort&&) = default;

  private:
    VcpuIndex index_;
    kvm_run* run_page_;
    bool synced_;
};

// Between KVM's structs and arch's values.
x86::GeneralRegisters from_kvm(const kvm_regs&);
kvm_regs to_kvm(const x86::GeneralRegisters&);
x86::SystemRegisters from_kvm(const kvm_sregs&);
// `previous` supplies what SystemRegisters does not hold: the pending-interrupt bitmap.
kvm_sregs to_kvm(const x86::SystemRegisters&, const kvm_sregs& previous);

}  // namespace ringside::kvm
