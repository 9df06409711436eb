// A virtual machine: memory slots, the in-kernel interrupt controllers, and vCPUs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "arch/x86_64/io_apic.h"
#include "arch/x86_64/pic.h"
#include "vmm/base/error.h"
#include "vmm/base/fd.h"
#include "vmm/base/ids.h"
#include "vmm/kvm/kvm_abi.h"

namespace ringside::kvm {

class Vcpu;

struct DeniedMsr {
    std::uint32_t index = 0;
    bool reads = true;
    bool writes = true;
};
inline constexpr std::size_t kMostDeniedMsrs = KVM_MSR_FILTER_MAX_RANGES;

class Vm {
  public:
    int fd() const { return fd_.get(); }

    // KVM_CHECK_EXTENSION on this VM: 0 if lacking.
    int check(int capability) const;
    // KVM_ENABLE_CAP.
    Result<void> enable(std::uint32_t capability, std::uint64_t argument = 0) const;

    // KVM_SET_USER_MEMORY_REGION. `flags` is a set of KVM_MEM_*; a size of 0 deletes the slot.
    Result<void> set_memory(std::uint32_t slot, Gpa start, std::uint64_t size, std::byte* host,
                            std::uint32_t flags) const;

    // Three pages and one page outside RAM, which VMX without unrestricted guest needs for real mode.
    Result<void> set_tss_address(Gpa) const;
    Result<void> set_identity_map_address(Gpa) const;

    // PIC, IOAPIC and a local APIC per vCPU, in the kernel; before any vCPU exists.
    Result<void> create_irqchip() const;
    // i8254 with the speaker port handled in the kernel.
    Result<void> create_pit() const;
    // The state of the in-kernel controllers. Callable from any thread.
    Result<x86::IoApic> io_apic() const;
    Result<x86::PicPair> pics() const;
    Result<x86::Pit> pit() const;
    // Sets an interrupt input's level. Callable from any thread.
    Result<void> irq_line(Gsi, bool level) const;

    // PIC (chips 0 and 1) and IOAPIC (chip 2), and the PIT.
    Result<kvm_irqchip> irqchip(std::uint32_t chip) const;
    Result<void> set_irqchip(const kvm_irqchip&) const;
    Result<kvm_pit_state2> pit_state() const;
    Result<void> set_pit_state(const kvm_pit_state2&) const;

    // kvmclock's time in ns: KVM_GET_CLOCK, KVM_SET_CLOCK.
    Result<std::uint64_t> clock() const;
    Result<void> set_clock(std::uint64_t ns) const;

    // KVM_GET_DIRTY_LOG: one bit for each page of a slot with KVM_MEM_LOG_DIRTY_PAGES that was written since the
    // last call. Not on a VM with dirty rings.
    Result<void> dirty_log(std::uint32_t slot, std::span<std::uint64_t> bitmap) const;
    // KVM_RESET_DIRTY_RINGS: the pages that were harvested (dirty_ring.h) are tracked again.
    Result<void> reset_dirty_rings() const;

    // KVM_CREATE_VCPU; the vCPU's local APIC id is its index.
    Result<Vcpu> create_vcpu(VcpuIndex) const;

    // KVM_CAP_X86_USER_SPACE_MSR: accesses to MSRs that KVM does not know, or that deny_msrs() lists, exit to userspace.
    // Returns false if this host's KVM does not have it.
    Result<bool> exit_at_msrs() const;
    // KVM_X86_SET_MSR_FILTER: after exit_at_msrs(), accesses to these MSRs exit to userspace; KVM handles all others
    // itself. Replaces the previous list, and accepts at most kMostDeniedMsrs.
    Result<void> deny_msrs(std::span<const DeniedMsr> msrs) const;
    // KVM_GET_STATS_FD.
    Result<Fd> statistics() const;

  private:
    friend class System;
    Vm(Fd fd, std::size_t vcpu_mapping) : fd_(std::move(fd)), vcpu_mapping_(vcpu_mapping) {}
    Fd fd_;
    std::size_t vcpu_mapping_ = 0;
};

}  // namespace ringside::kvm
