// Breakpoints by exits that KVM handles itself, for hosts that do not report an int3.
//
// The planted instruction causes an exit: HLT at CPL 0, or an undefined one, as KVM intercepts #UD. KVM handles such an
// exit and would enter the guest again. A perf event on kvm:kvm_exit sends the vCPU's thread a signal first, so that
// KVM_RUN returns EINTR. By then the vCPU is halted after the HLT, or its #UD is pending. undo_exit() moves
// it back to the instruction.
//
// An instruction that exits to userspace would need no event, but each of those has an effect: INS and OUTS (6C to 6F)
// and IN and OUT by DX (EC to EF) access the port in DX, which may be one of KVM's own devices, and INS writes to
// memory.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "arch/x86_64/exit_reasons.h"
#include "arch/x86_64/trap_instructions.h"
#include "vmm/kvm/vcpu_port.h"

namespace ringside::debug {

// The instructions after which KVM_RUN is to return. It also returns after the guest's own, and is entered again at
// once: so each is set only while one is planted.
struct ExitTraps {
    bool halt = false;
    bool undefined = false;
    bool paging = false;  // and writes to CR0, which may turn paging on: then it is clearer where code runs

    bool any() const { return halt || undefined || paging; }
    friend bool operator==(const ExitTraps&, const ExitTraps&) = default;
};

// The filter for kvm:kvm_exit.
std::string exit_trap_filter(x86::VirtualizationKind kind, ExitTraps traps);

// Makes KVM_RUN return at such exits of one vCPU. Only that vCPU's thread uses it.
class ExitTrap {
  public:
    virtual ~ExitTrap() = default;
    virtual Result<void> arm(ExitTraps traps) = 0;
    // Returns true if KVM_RUN returns at any of them.
    virtual bool armed() const = 0;
    // Returns true if the last KVM_RUN ended at such an exit, and forgets it.
    virtual bool take_caught() = 0;
};

// By a perf event on the calling thread.
std::unique_ptr<ExitTrap> make_perf_exit_trap();

// What the vCPU has executed, and where.
struct ExitAt {
    x86::TrapInstruction instruction;
    std::uint64_t rip;
};

// Returns where the vCPU would have executed a planted instruction, for the caller to check that one is planted there:
// at RIP if a #UD is pending, otherwise one byte before it (HLT). Returns nullopt if another exception is pending. (The
// run state does not identify an HLT: later kernels do not halt a vCPU for which an interrupt is pending.)
// Fails if KVM does not return the vCPU's events.
Result<std::optional<ExitAt>> find_exit(const kvm::VcpuPort& vcpu, std::uint64_t rip);

// Makes the instruction not executed. The caller restores RIP first. `shadow`: what an HLT has ended.
Result<void> undo_exit(kvm::VcpuPort& vcpu, x86::TrapInstruction instruction, x86::InterruptShadow shadow);

}  // namespace ringside::debug
