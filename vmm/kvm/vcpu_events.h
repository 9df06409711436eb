// The kinds of a vCPU's last exit, and the few changes that the debugger makes to its events and run state.
#pragma once

#include <optional>

#include "arch/x86_64/debug_registers.h"
#include "arch/x86_64/pending_events.h"
#include "arch/x86_64/trap_instructions.h"
#include "vmm/kvm/vcpu_port.h"

namespace ringside::kvm {

struct DebugExit {
    bool breakpoint = false;  // #BP: an int3
    bool debug = false;       // #DB
    std::uint64_t pc = 0;     // linear
    x86::Dr6 dr6;
    x86::Dr7 dr7;  // as the hardware had it
};

// The last exit was KVM_EXIT_DEBUG.
bool is_debug_exit(const VcpuPort& vcpu);
// Valid after KVM_EXIT_DEBUG.
DebugExit debug_exit(const VcpuPort& vcpu);
// The last exit was KVM_EXIT_HLT: the vCPU has no local APIC in the kernel.
bool is_halt_exit(const VcpuPort& vcpu);
// The last exit was KVM_EXIT_INTERNAL_ERROR, because KVM could not emulate an instruction.
bool is_emulation_failure(const VcpuPort& vcpu);
// The last exit was KVM_EXIT_X86_RDMSR of this MSR.
bool is_msr_read(const VcpuPort& vcpu, std::uint32_t index);
// The hardware's reason, if the last exit was KVM_EXIT_FAIL_ENTRY.
std::optional<std::uint64_t> entry_failure(const VcpuPort& vcpu);

// What a vCPU does while it runs (KVM_GET_MP_STATE).
enum class Activity : std::uint8_t { Executing, Halted, WaitingForSipi };
Result<Activity> activity(const VcpuPort& vcpu);
Activity activity_of(std::uint32_t mp_state);

// Halts the vCPU until an interrupt comes, as HLT does. Also ends the interrupt shadow of an STI before it; otherwise
// the shadow would keep every interrupt from ending the halt.
Result<void> halt(VcpuPort& vcpu);
// Makes an HLT not executed, except for RIP: the vCPU is not halted, no exception is pending, and `shadow` is what the
// HLT has ended. An NMI that has arrived since stays.
Result<void> undo_halt(VcpuPort& vcpu, x86::InterruptShadow shadow);

// The exception that is still to be delivered.
Result<std::optional<x86::PendingException>> pending_exception(const VcpuPort& vcpu);
// Returns true if it is a #DB.
bool debug_exception_is_pending(const VcpuPort& vcpu);
// An NMI that has arrived since stays.
Result<void> drop_exception(VcpuPort& vcpu);
// An exception for the guest, delivered at the next entry. RIP is where its handler is to return.
Result<void> inject_exception(VcpuPort& vcpu, std::uint8_t vector,
                              std::optional<std::uint32_t> error_code = std::nullopt);

// An NMI for the guest. Returns false if the last one has not been delivered yet.
Result<bool> inject_nmi(VcpuPort& vcpu);

// No event is pending, and none is blocked.
Result<void> clear_events(VcpuPort& vcpu);

// What keeps events from the vCPU, as the interruptibility state in a VMCS has it (SDM volume 3, table 25-3).
Result<std::uint64_t> interruptibility(const VcpuPort& vcpu);

}  // namespace ringside::kvm
