// Takes a vCPU past a breakpoint that does not stop it by executing the instruction there in software: no step, no ioctl,
// and the breakpoint stays where it is for the other vCPUs.
//
// Only what can be proved to have the same effect as on the processor is passed like that: a plain instruction (arch's
// plain_instruction.h), with no interrupt shadow, no exception and no TF about, and memory that the processor would
// access without a fault, without setting a bit in a page table, and without anybody who waits for it. The rest is
// stepped.
#pragma once

#include "vmm/debug/guest/guest_view.h"
#include "vmm/debug/run_control/exit_registers.h"

namespace ringside::debug {

class PlainPass {
  public:
    PlainPass(ExitRegisters& at, const kvm::VcpuPort& vcpu, const GuestView& view)
        : at_(at), vcpu_(vcpu), view_(view) {}

    // After an exit at a breakpoint, before anything is changed. Returns true if the instruction at CS:RIP is done: `at`
    // has the registers behind it, and the next entry loads them. `watched`: the debugger waits for accesses to memory.
    Result<bool> pass(bool watched);

  private:
    Result<bool> nothing_pending() const;
    std::optional<std::size_t> bytes_on_page() const;

    ExitRegisters& at_;
    const kvm::VcpuPort& vcpu_;
    const GuestView& view_;
};

}  // namespace ringside::debug
