// Executes instructions that this host's KVM fails to emulate (KVM_INTERNAL_ERROR_EMULATION): a KVM
// that emulates ring 0 lacks some that stock kernels need.
//
// A result is never wrong: an instruction that would fault, or whose memory belongs to a device or holds a planted
// int3, is not completed, and the vCPU's stop says why it cannot continue.
#pragma once

#include <cstdint>
#include <optional>

#include "arch/x86_64/completion.h"
#include "vmm/debug/guest/guest_view.h"
#include "vmm/kvm/vcpu_port.h"

namespace ringside::debug {

class InstructionCompletion {
  public:
    // Returns the registers after the instruction at CS:RIP, whose effect on memory is done; nullopt if it must not
    // be executed here. On the vCPU's thread.
    std::optional<x86::GeneralRegisters> complete(const kvm::VcpuPort& vcpu, const GuestView& view,
                                                  const x86::GeneralRegisters& general,
                                                  const x86::SystemRegisters& system);
    // The number of instructions completed.
    std::uint64_t count() const { return count_; }

  private:
    x86::Decoder decoder_;
    std::uint64_t count_ = 0;
};

}  // namespace ringside::debug
