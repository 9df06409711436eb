// A vCPU's state in KVM, as one plain value. The TSC is not part of it: it runs on.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "arch/x86_64/msrs.h"
#include "vmm/kvm/vcpu_port.h"

namespace ringside::snapshot {

// The MSRs of an image, by their index in it.
inline constexpr std::array kImageMsrs{x86::msr::kKernelGsBase,
                                       x86::msr::kStar,
                                       x86::msr::kLstar,
                                       x86::msr::kCstar,
                                       x86::msr::kFmask,
                                       x86::msr::kSysenterCs,
                                       x86::msr::kSysenterEsp,
                                       x86::msr::kSysenterEip,
                                       x86::msr::kMiscEnable,
                                       x86::msr::kPat,
                                       x86::msr::kTscAux,
                                       x86::msr::kTscDeadline,
                                       x86::msr::kSpecCtrl,
                                       x86::msr::kFeatureControl,
                                       x86::msr::kXss,
                                       x86::msr::kVmHsavePa,  // without it VMRUN faults
                                       x86::msr::kKvmWallClock,
                                       x86::msr::kKvmSystemTime,
                                       x86::msr::kKvmAsyncPageFault,
                                       x86::msr::kKvmStealTime,
                                       x86::msr::kKvmEndOfInterrupt,
                                       x86::msr::kKvmPollControl,
                                       x86::msr::kKvmAsyncPageFaultVector,
                                       x86::msr::kMtrrDefType,
                                       x86::msr::kMtrrFix64k00000,
                                       x86::msr::kMtrrFix16k80000,
                                       x86::msr::kMtrrFix16kA0000,
                                       x86::msr::kMtrrFix4kC0000,
                                       x86::msr::kMtrrFix4kC8000,
                                       x86::msr::kMtrrFix4kF0000,
                                       x86::msr::kMtrrFix4kF8000};

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
