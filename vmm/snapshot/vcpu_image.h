// A vCPU's state in KVM, as one plain value. The TSC is not part of it: it runs on.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "vmm/kvm/vcpu_port.h"

namespace ringside::snapshot {

// The MSRs of an image, by their index in it.
inline constexpr std::array<std::uint32_t, 31> kImageMsrs{
    0xc0000102,                                      // KERNEL_GS_BASE
    0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,  // STAR, LSTAR, CSTAR, FMASK
    0x174,      0x175,      0x176,                   // SYSENTER_CS, _ESP, _EIP
    0x1a0,      0x277,                               // MISC_ENABLE, PAT
    0xc0000103, 0x6e0,                               // TSC_AUX, TSC_DEADLINE
    0x48,       0x3a,       0xda0,                   // SPEC_CTRL, FEATURE_CONTROL, XSS
    0xc0010117,                                      // VM_HSAVE_PA, without which VMRUN faults
    0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03,  // kvmclock, asynchronous page faults, stolen time
    0x4b564d04, 0x4b564d05, 0x4b564d06,              // PV EOI, poll control, page fault vector
    0x2ff,      0x250,      0x258,      0x259,       // MTRRs: default type, fixed ranges
    0x268,      0x269,      0x26e,      0x26f};

struct VcpuImage {
    kvm_regs general{};
    kvm_sregs system{};
    kvm_vcpu_events events{};
    std::uint64_t mp_state = KVM_MP_STATE_RUNNABLE;
    x86::DebugRegisters debug;
    std::uint64_t xcr0 = 0;
    std::array<std::uint64_t, kImageMsrs.size()> msrs{};
    kvm::XsaveArea xsave{};
    kvm_lapic_state lapic{};
};
static_assert(std::is_trivially_copyable_v<VcpuImage> && sizeof(VcpuImage) % sizeof(std::uint64_t) == 0);

// Saves and restores images of one vCPU; on its thread.
class VcpuImager {
  public:
    explicit VcpuImager(kvm::VcpuPort& vcpu) : vcpu_(vcpu) {}

    static void take_registers(const x86::GeneralRegisters&, const x86::SystemRegisters&, VcpuImage&);
    Result<void> take_events(VcpuImage&) const;
    // Everything else. Local APICs that differ only in the timer's count are the same.
    Result<void> take_rest(VcpuImage&);
    Result<void> take(VcpuImage&);
    // What another vCPU may have sent it: an interrupt, INIT or SIPI, which is everything if it has.
    Result<void> take_sent(VcpuImage&);

    // Makes the vCPU's state `wanted`; `now` is its present state.
    Result<void> put(const VcpuImage& now, const VcpuImage& wanted);

  private:
    Result<void> take_msrs(VcpuImage&);
    Result<void> take_lapic(VcpuImage&) const;
    Result<void> put_registers(const VcpuImage& now, const VcpuImage& wanted);
    Result<void> put_rest(const VcpuImage& now, const VcpuImage& wanted);

    kvm::VcpuPort& vcpu_;
    std::vector<std::size_t> known_msrs_;  // which of the table this host has; empty before the first look
};

bool same_general(const VcpuImage&, const VcpuImage&);  // RIP, RFLAGS and the sixteen registers
// Compares the registers that a debugger's client can write.
bool same_registers(const VcpuImage& a, const VcpuImage& b);
// Compares all but the timer's count.
bool same_lapic(const kvm_lapic_state& a, const kvm_lapic_state& b);

}  // namespace ringside::snapshot
