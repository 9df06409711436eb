// The report of KVM_EXIT_DEBUG, and the few changes that the debugger makes to a vCPU's events and run state.
#pragma once

#include "arch/x86_64/debug_registers.h"
#include "vmm/kvm/vcpu_port.h"

namespace ringside::kvm {

struct DebugExit {
    bool breakpoint = false;  // #BP: an int3
    bool debug = false;       // #DB
    x86::Dr6 dr6;
    x86::Dr7 dr7;  // as the hardware had it
};

bool is_debug_exit(const VcpuPort& vcpu);  // the last exit was KVM_EXIT_DEBUG
// Valid after KVM_EXIT_DEBUG.
DebugExit debug_exit(const VcpuPort& vcpu);

// What a vCPU does while it runs (KVM_GET_MP_STATE).
enum class Activity : std::uint8_t { Executing, Halted, WaitingForSipi };
Result<Activity> activity(const VcpuPort& vcpu);
Activity activity_of(std::uint32_t mp_state);

// Halts the vCPU until an interrupt comes, as HLT does. Also ends the interrupt shadow of an STI before it; otherwise
// the shadow would keep every interrupt from ending the halt.
Result<void> halt(VcpuPort& vcpu);

// A #BP trap for the guest, delivered at the next entry. RIP is after the int3.
Result<void> inject_breakpoint_trap(VcpuPort& vcpu);

// What keeps events from the vCPU, as the interruptibility state in a VMCS has it (SDM volume 3, table 25-3).
Result<std::uint64_t> interruptibility(const VcpuPort& vcpu);

// Returns true if a #DB is pending.
bool debug_exception_is_pending(const VcpuPort& vcpu);

}  // namespace ringside::kvm
