#include "vmm/debug/breakpoints/trap_choice.h"

#include "arch/x86_64/control_bits.h"
#include "vmm/debug/breakpoints/real_mode_limit.h"

namespace ringside::debug {

namespace {

using x86::TrapInstruction;

// Where the CPU is in real mode now, or where only real-mode code can be, real mode
// decides.
bool int3_works(const HostAbilities& abilities, const x86::SystemRegisters& system, Gpa gpa) {
    if ((system.cr0 & x86::cr0::kPe) == 0)
        return abilities.int3_real != Int3::GoesToGuest;
    if (gpa < kRealModeLimit && abilities.int3_real == Int3::GoesToGuest &&
        (abilities.execute_slots || abilities.halt_traps))
        return false;
    return ((system.efer & x86::efer::kLma) != 0 ? abilities.int3_long : abilities.int3_protected) !=
           Int3::GoesToGuest;
}

// User code at low addresses is recognized by the vCPU that runs it, or because the guest has no other code there. L2's
// kernel is recognized by the vCPU that runs it.
bool is_64_bit_code(const x86::SystemRegisters& system, const TrapPlace& place) {
    if ((system.efer & x86::efer::kLma) == 0)
        return false;
    if (place.address.value >= kHighAddress)
        return true;
    const bool runs_64_bit_code = system.cs.l != 0;
    if (place.user)
        return (system.ss.dpl == 3 && runs_64_bit_code) || !place.user_may_be_32_bit;
    return place.inner && system.inner.running && runs_64_bit_code;
}

}  // namespace

bool int3_works_for_any_code(const HostAbilities& abilities, Gpa gpa) {
    constexpr std::uint64_t kLowestRom =
        0xff000000;  // of what can be mapped below 4 GiB for the reset vector
    const bool may_be_real_mode =
        gpa < kRealModeLimit || (gpa.value >= kLowestRom && gpa.value < kHighAddress);
    return abilities.int3_protected != Int3::GoesToGuest && abilities.int3_long != Int3::GoesToGuest &&
           (!may_be_real_mode || abilities.int3_real != Int3::GoesToGuest);
}

std::optional<TrapInstruction> choose_trap(const HostAbilities& abilities, const x86::SystemRegisters& system,
                                           const TrapPlace& place) {
    if (int3_works(abilities, system, place.gpa))
        return TrapInstruction::Int3;
    // UDB is better: while an HLT is planted, each of the guest's own HLTs returns from KVM_RUN as well.
    if (abilities.undefined_traps && is_64_bit_code(system, place))
        return TrapInstruction::Undefined;
    if (abilities.halt_traps && !place.user && !place.inner)
        return TrapInstruction::Halt;
    return std::nullopt;
}

}  // namespace ringside::debug
