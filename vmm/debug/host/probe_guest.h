// A microscopic guest of one vCPU and a few pages, run on the caller's thread until its first exit: the
// probes use it. It has no interrupt controllers by default, so HLT exits to userspace, and every piece
// of code ends in HLT or in a triple fault: a probe cannot hang.
#pragma once

#include <cstdint>
#include <span>

#include "vmm/kvm/system.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/kvm/vm.h"
#include "vmm/machine/guest_memory.h"

namespace ringside::debug {

class ProbeGuest {
  public:
    enum class Mode : std::uint8_t { Real, Protected, Long, LongUser };

    // Where code is placed and started, and where data for watchpoints lies.
    static constexpr std::uint64_t kCode = 0x1000;
    static constexpr std::uint64_t kData = 0x2000;
    // Vectors 1 and 3 of the real-mode table lead here, to an HLT.
    static constexpr std::uint64_t kVectorHalt = 0x600;

    // With interrupt controllers in the kernel, HLT would wait forever: code for such a guest ends in I/O.
    enum class Irqchip : bool { None, InKernel };
    static Result<ProbeGuest> create(const kvm::System& system, Irqchip irqchip = Irqchip::None);

    // Puts `code` at kCode and the vCPU at its start in the given mode, with debugging off.
    Result<void> prepare(Mode mode, std::span<const std::byte> code);
    // Maps the page at kData so that it can or cannot be written, also for the guest. prepare() needs it writable.
    Result<void> set_data_writable(bool writable);
    // KVM_RUN until a real exit.
    Result<void> run();

    kvm::Vm& vm() { return vm_; }
    kvm::Vcpu& vcpu() { return vcpu_; }

  private:
    ProbeGuest(kvm::Vm vm, kvm::Vcpu vcpu, machine::GuestMemory memory)
        : vm_(std::move(vm)), vcpu_(std::move(vcpu)), memory_(std::move(memory)) {}
    kvm::Vm vm_;
    kvm::Vcpu vcpu_;
    machine::GuestMemory memory_;
};

}  // namespace ringside::debug
