#include "vmm/debug/host/host_abilities.h"

#include <array>
#include <cerrno>

#include "arch/x86_64/cpuid_bits.h"
#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/instruction_bytes.h"
#include "arch/x86_64/local_apic.h"
#include "arch/x86_64/msrs.h"
#include "vmm/debug/host/exit_trap_probe.h"
#include "vmm/debug/host/probe_guest.h"
#include "vmm/kvm/vcpu_events.h"
#include "vmm/machine/layout.h"

namespace ringside::debug {

namespace {

using Feature = kvm::DebugFeature;
using Mode = ProbeGuest::Mode;
namespace code = x86::code;
using Slots = std::array<std::uint64_t, 4>;

constexpr auto kNops = code::sequence(code::kNop, code::kNop, code::kNop, code::kHlt);
// An address for a slot that is used but must not fire.
constexpr std::uint64_t kNowhere = 0x3000;

// Slot 0 alone.
x86::Dr7 enabled(x86::DebugCondition condition, unsigned length) {
    x86::Dr7 dr7;
    dr7.enable(0, condition, length);
    return dr7;
}
x86::Dr7 execute_slot() {
    return enabled(x86::DebugCondition::Execute, 1);
}

// Returns true if the last exit is KVM_EXIT_DEBUG of `vector` at `rip`.
bool stopped(ProbeGuest& guest, x86::ExceptionVector vector, std::uint64_t rip) {
    if (!kvm::is_debug_exit(guest.vcpu()))
        return false;
    const kvm::DebugExit exit = kvm::debug_exit(guest.vcpu());
    return (vector == x86::ExceptionVector::Breakpoint ? exit.breakpoint : exit.debug) && exit.pc == rip;
}

// Runs one prepared piece of code under the given debug control. Returns true if it ends in KVM_EXIT_DEBUG of `vector`
// at `rip`.
Result<bool> stops(ProbeGuest& guest, Mode mode, std::span<const std::byte> instructions,
                   kvm::DebugControl control, const Slots& slots, x86::Dr7 dr7, x86::ExceptionVector vector,
                   std::uint64_t rip) {
    TRY(guest.prepare(mode, instructions));
    // A host that does not know a feature refuses it. That is an answer, not an error.
    if (auto r = guest.vcpu().set_guest_debug(control, slots, dr7); !r)
        return false;
    TRY(guest.run());
    return stopped(guest, vector, rip);
}

Result<Int3> probe_int3(ProbeGuest& guest, Mode mode) {
    constexpr auto kCode = code::sequence(code::kInt3, code::kHlt);
    const auto reported = TRY(stops(guest, mode, kCode, {Feature::Int3s}, {}, {},
                                    x86::ExceptionVector::Breakpoint, ProbeGuest::kCode));
    if (reported)
        return Int3::DebugExit;
    if (kvm::is_emulation_failure(guest.vcpu())) {
        const auto general = guest.vcpu().general();
        if (general && general->rip == ProbeGuest::kCode)
            return Int3::EmulationFailure;
    }
    return Int3::GoesToGuest;
}

Result<bool> probe_step(ProbeGuest& guest, Mode mode, kvm::DebugControl control = {Feature::SingleStep}) {
    return stops(guest, mode, kNops, control, {}, {}, x86::ExceptionVector::Debug, ProbeGuest::kCode + 1);
}

Result<bool> probe_execute_slot(ProbeGuest& guest, Mode mode) {
    return stops(guest, mode, kNops, {Feature::Slots}, {ProbeGuest::kCode + 1}, execute_slot(),
                 x86::ExceptionVector::Debug, ProbeGuest::kCode + 1);
}

Result<bool> probe_data_slot(ProbeGuest& guest) {
    constexpr auto kStore = code::store_eax_64(ProbeGuest::kData);
    return stops(guest, Mode::Long, code::sequence(kStore, code::kHlt), {Feature::Slots}, {ProbeGuest::kData},
                 enabled(x86::DebugCondition::Write, 4), x86::ExceptionVector::Debug,
                 ProbeGuest::kCode + kStore.size());
}

// The guest has set slot 0 for itself, the debugger another one: does the guest get its #DB, by the real-mode
// vector?
Result<bool> probe_own_slot(ProbeGuest& guest) {
    TRY(guest.prepare(Mode::Real, kNops));
    x86::DebugRegisters own;
    own.dr[0] = ProbeGuest::kCode + 1;
    own.dr7 = execute_slot().raw();
    TRY(guest.vcpu().set_debug(own));
    if (auto r = guest.vcpu().set_guest_debug({Feature::Slots}, Slots{kNowhere}, execute_slot()); !r)
        return false;
    TRY(guest.run());
    const auto general = TRY(guest.vcpu().general());
    return kvm::is_halt_exit(guest.vcpu()) && general.rip == ProbeGuest::kVectorHalt + 1;
}

Result<bool> probe_debug_register_exit(ProbeGuest& guest) {
    constexpr auto kCode = code::sequence(code::kMovRaxToDr7, code::kHlt);
    auto dr7 = execute_slot();
    dr7.set_general_detect(true);
    return stops(guest, Mode::Long, kCode, {Feature::Slots}, {kNowhere}, dr7, x86::ExceptionVector::Debug,
                 ProbeGuest::kCode);
}

// A store to the local APIC, which KVM emulates itself, and two NOPs, under one KVM_SET_GUEST_DEBUG: are
// the instructions after the store stepped without another call?
Result<bool> probe_step_after_emulation(const kvm::System& system) {
    constexpr auto kTaskPriority =
        static_cast<std::uint32_t>(layout::kLocalApic.value + x86::kApicTaskPriority);
    constexpr auto kStore = code::store_eax_32(kTaskPriority);
    // A port of no device, which ends the run.
    constexpr auto kCode = code::sequence(kStore, code::kNop, code::kNop, code::out_al(0x80));
    auto guest = TRY(ProbeGuest::create(system, ProbeGuest::Irqchip::InKernel));
    TRY(guest.prepare(Mode::Protected, kCode));
    if (auto r = guest.vcpu().set_guest_debug({Feature::SingleStep}, Slots{}, {}); !r)
        return false;
    for (const std::uint64_t length : {kStore.size(), kStore.size() + 1, kStore.size() + 2}) {
        TRY(guest.run());
        if (!stopped(guest, x86::ExceptionVector::Debug, ProbeGuest::kCode + length))
            return false;
    }
    return true;
}

// CPUID, which always leaves the guest, is stepped. Then the guest runs on: is there another trap in front of the HLT?
Result<bool> probe_second_trap(ProbeGuest& guest) {
    constexpr auto kCode = code::sequence(code::kCpuid, code::kHlt);
    const auto stepped = TRY(stops(guest, Mode::Long, kCode, {Feature::SingleStep}, {}, {},
                                   x86::ExceptionVector::Debug, ProbeGuest::kCode + code::kCpuid.size()));
    if (!stepped || !guest.vcpu().set_guest_debug({Feature::Slots}, Slots{}, {}))
        return false;
    TRY(guest.run());
    return kvm::is_debug_exit(guest.vcpu());
}

// Runs up to the next exit that is not an early trap in front of the instruction at `rip` (step_engine.h).
Result<void> run_past_early_traps(ProbeGuest& guest, std::uint64_t rip) {
    constexpr int kMostEarlyTraps = 8;
    for (int i = 0; i <= kMostEarlyTraps; ++i) {
        TRY(guest.run());
        if (!stopped(guest, x86::ExceptionVector::Debug, rip))
            break;
    }
    return {};
}

// Two stores to a page that is read-only before each.
Result<bool> probe_write_faults(const kvm::System& system) {
    constexpr auto kStore = code::store_eax_64(ProbeGuest::kData);
    constexpr auto kCode = code::sequence(kStore, kStore, code::kHlt);
    auto guest =
        TRY(ProbeGuest::create(system));  // a KVM that emulates the store has an exit pending at the end
    TRY(guest.prepare(Mode::Long, kCode));
    for (std::uint64_t rip = ProbeGuest::kCode; rip != ProbeGuest::kCode + 2 * kStore.size();
         rip += kStore.size()) {
        TRY(guest.set_data_writable(false));
        const auto ran = guest.run();
        TRY(guest.set_data_writable(true));
        const auto general = TRY(guest.vcpu().general());
        if (ran || ran.error().code != EFAULT || general.rip != rip ||
            !guest.vcpu().set_guest_debug({Feature::SingleStep}, Slots{}, {}))
            return false;
        TRY(run_past_early_traps(guest, rip));
        if (!stopped(guest, x86::ExceptionVector::Debug, rip + kStore.size()))
            return false;
        TRY(guest.vcpu().set_guest_debug({}, Slots{}, {}));
    }
    return true;
}

// CPUID leaf 1 with one feature bit cleared, then HLT: does the guest see it cleared?
Result<bool> probe_cpuid_mask(const kvm::System& system) {
    using x86::cpuid::kEcxSse3;
    constexpr auto kCode = code::sequence(code::mov_to_eax(x86::cpuid::kFeatures), code::kCpuid, code::kHlt);
    auto entries = TRY(system.supported_cpuid());
    for (auto& entry : entries) {
        if (entry.function == x86::cpuid::kFeatures)
            entry.ecx &= ~kEcxSse3;
    }
    auto guest = TRY(ProbeGuest::create(system));  // CPUID is fixed at the first KVM_RUN
    TRY(guest.vcpu().set_cpuid(entries));
    TRY(guest.prepare(Mode::Long, kCode));
    TRY(guest.run());
    const auto general = TRY(guest.vcpu().general());
    return (general.rcx & kEcxSse3) == 0;
}

// RDMSR of LSTAR under a filter that denies it: KVM_EXIT_X86_RDMSR?
Result<bool> probe_msr_exit(const kvm::System& system) {
    constexpr auto kCode = code::sequence(code::mov_to_ecx(x86::msr::kLstar), code::kRdmsr, code::kHlt);
    auto guest = TRY(ProbeGuest::create(system));
    if (!guest.vm().exit_at_msrs().value_or(false))
        return false;
    constexpr kvm::DeniedMsr kLstar{.index = x86::msr::kLstar};
    if (!guest.vm().deny_msrs({&kLstar, 1}))
        return false;
    TRY(guest.prepare(Mode::Long, kCode));
    TRY(guest.run());
    return kvm::is_msr_read(guest.vcpu(), x86::msr::kLstar);
}

// Stores a probe's answer, or keeps its error and skips the rest.
template <typename T>
void take(Result<void>& status, T& field, Result<T> answer) {
    if (!status)
        return;
    if (answer)
        field = *answer;
    else
        status = tl::unexpected<Error>(answer.error());
}

}  // namespace

Result<HostAbilities> probe_host(const kvm::System& system) {
    auto guest = TRY(ProbeGuest::create(system));
    HostAbilities a;
    Result<void> status;
    a.synced_registers = guest.vcpu().has_synced_registers();
    take(status, a.int3_real, probe_int3(guest, Mode::Real));
    take(status, a.int3_protected, probe_int3(guest, Mode::Protected));
    take(status, a.int3_long, probe_int3(guest, Mode::Long));
    ExitTraps exit_traps;
    take(status, exit_traps, probe_exit_traps(system));
    a.halt_traps = exit_traps.halt;
    a.undefined_traps = exit_traps.undefined;
    take(status, a.execute_slots, probe_execute_slot(guest, Mode::Long));
    take(status, a.data_slots, probe_data_slot(guest));
    take(status, a.own_slots_fire, probe_own_slot(guest));
    take(status, a.debug_register_exits, probe_debug_register_exit(guest));
    take(status, a.step_real, probe_step(guest, Mode::Real));
    take(status, a.step_long, probe_step(guest, Mode::Long));
    take(status, a.step_survives_emulation, probe_step_after_emulation(system));
    take(status, a.step_traps_again, probe_second_trap(guest));
    take(status, a.step_blocks_interrupts,
         probe_step(guest, Mode::Long, {Feature::SingleStep, Feature::BlockInterrupts}));
    take(status, a.int3_user, probe_int3(guest, Mode::LongUser));
    take(status, a.execute_slots_user, probe_execute_slot(guest, Mode::LongUser));
    take(status, a.step_user, probe_step(guest, Mode::LongUser));
    take(status, a.write_faults, probe_write_faults(system));
    take(status, a.cpuid_masks, probe_cpuid_mask(system));
    take(status, a.msr_exits, probe_msr_exit(system));
    TRY(status);
    return a;
}

}  // namespace ringside::debug
