// What this host's KVM can do for a debugger, measured by running microscopic guests, never assumed.
#pragma once

#include <cstdint>
#include <string>

#include "vmm/base/error.h"
#include "vmm/kvm/system.h"

namespace ringside::debug {

// What happens to an int3 under KVM_GUESTDBG_USE_SW_BP.
enum class Int3 : std::uint8_t {
    DebugExit,         // KVM_EXIT_DEBUG, exception 3: as documented
    EmulationFailure,  // KVM_EXIT_INTERNAL_ERROR with RIP at the int3: usable, once it is recognized
    GoesToGuest,       // the guest's own vector 3: unusable
};

struct HostAbilities {
    Int3 int3_real = Int3::GoesToGuest;
    Int3 int3_protected = Int3::GoesToGuest;
    Int3 int3_long = Int3::GoesToGuest;
    Int3 int3_user = Int3::GoesToGuest;  // long mode, CPL 3

    // Breakpoints by exits that KVM handles itself (exit_trap.h).
    bool halt_traps = false;       // HLT, at CPL 0
    bool undefined_traps = false;  // an undefined instruction, in 64-bit code of any CPL

    // KVM_GUESTDBG_USE_HW_BP.
    bool execute_slots = false;
    bool execute_slots_user = false;
    bool data_slots = false;
    // The guest's own debug slots still fire together with the debugger's; otherwise the debugger's DR7 replaces
    // the guest's, and the two must share.
    bool own_slots_fire = false;
    // With GD set in the debugger's DR7, a guest's MOV to or from a debug register exits to userspace.
    bool debug_register_exits = false;

    // KVM_GUESTDBG_SINGLESTEP.
    bool step_real = false;
    bool step_long = false;
    bool step_user = false;
    // A single-step continues after an instruction that KVM has emulated; otherwise it must be requested
    // again.
    bool step_survives_emulation = false;
    // The trap of an instruction that KVM has executed itself comes a second time, at the next entry: emulated VMX.
    bool step_traps_again = false;
    // KVM_GUESTDBG_BLOCKIRQ is offered and works: a step does not slip into an interrupt handler.
    bool step_blocks_interrupts = false;

    // A write to a page that this process maps read-only makes KVM_RUN fail before it has any effect (EFAULT), and is
    // executed by a single-step once the page is writable (vmm/machine/write_protection.h).
    bool write_faults = false;
    // The same in every mode, and without an interrupt's handler in the step.
    bool protects_pages() const { return write_faults && step_long && step_user && step_blocks_interrupts; }

    bool cpuid_masks = false;  // the guest sees what KVM_SET_CPUID2 sets, with a bit cleared
    bool msr_exits = false;    // a filtered RDMSR exits to userspace
    bool synced_registers = false;

    friend bool operator==(const HostAbilities&, const HostAbilities&) = default;
};

// Runs every probe. Takes a few milliseconds. An error means that KVM itself does not work, not that it lacks
// something.
Result<HostAbilities> probe_host(const kvm::System& system);

}  // namespace ringside::debug
