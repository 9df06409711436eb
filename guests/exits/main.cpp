// exits: provokes every kind of VM exit a known number of times (counts.h), each in its own function.
//
// To see:  break provoke_cpuid_vendor, then `monitor exits`, finish, `monitor exits diff`; `monitor exits
// rip`
//
// Command line (PVH):
//   only=NAME   this kind alone, by the names in the table below; the only way to run `hypercall`
//   skip=NAME   all except this one (for a hypervisor that cannot survive it)
//   times=N     N times the counts
// It prints a line for each kind, also for one that it skips, and ends through the debug-exit
// port with 0x10.

#include "guests/exits/counts.h"
#include "guests/exits/kinds.h"
#include "guests/lib/boot_info.h"
#include "guests/lib/command_line.h"
#include "guests/lib/console.h"
#include "guests/lib/exit.h"
#include "guests/lib/interrupts.h"
#include "guests/lib/timer.h"

using namespace guests::exits;

namespace {

const Kind kinds[] = {
    {"out8", provoke_out8, kOut8},
    {"out16", provoke_out16, kOut16},
    {"out32", provoke_out32, kOut32},
    {"in8", provoke_in8, kIn8},
    {"in16", provoke_in16, kIn16},
    {"in32", provoke_in32, kIn32},
    {"rep_outs", provoke_rep_outs, kRepOuts},
    {"mmio_write8", provoke_mmio_write8, kMmioWrite8},
    {"mmio_write16", provoke_mmio_write16, kMmioWrite16},
    {"mmio_write32", provoke_mmio_write32, kMmioWrite32},
    {"mmio_write64", provoke_mmio_write64, kMmioWrite64},
    {"mmio_read8", provoke_mmio_read8, kMmioRead8},
    {"mmio_read16", provoke_mmio_read16, kMmioRead16},
    {"mmio_read32", provoke_mmio_read32, kMmioRead32},
    {"mmio_read64", provoke_mmio_read64, kMmioRead64},
    {"fresh_pages", provoke_fresh_pages, kFreshPages},
    {"cpuid_vendor", provoke_cpuid_vendor, kCpuidVendor},
    {"cpuid_hypervisor", provoke_cpuid_hypervisor, kCpuidHypervisor},
    {"rdmsr", provoke_rdmsr, kRdmsr},
    {"wrmsr", provoke_wrmsr, kWrmsr},
    {"rdmsr_unknown", provoke_rdmsr_unknown, kRdmsrUnknown},
    {"wrmsr_unknown", provoke_wrmsr_unknown, kWrmsrUnknown},
    {"cr0", provoke_cr0, kCr0Writes},
    {"cr3", provoke_cr3, kCr3Writes},
    {"cr4", provoke_cr4, kCr4Writes},
    {"dr7", provoke_dr7, kDr7Writes},
    {"invlpg", provoke_invlpg, kInvlpg},
    {"rdtsc", provoke_rdtsc, kRdtsc},
    {"hlt", provoke_hlt, kHlt},
    {"wbinvd", provoke_wbinvd, kWbinvd},
    {"xsetbv", provoke_xsetbv, kXsetbv},
    {"hypercall", provoke_hypercall, kHypercall},
};

// Not part of the default run: a KVM that emulates CPL 0 replaces the instruction with the one that it
// expects the CPU to have and executes it again, forever.
constexpr const char* kOnlyOnRequest = "hypercall";

bool wanted(const guest::CommandLine& options, const Kind& kind) {
    if (options.find("only") != nullptr)
        return options.has("only", kind.name);
    return !options.has("skip", kind.name) && !guest::word_is(kind.name, kOnlyOnRequest);
}

}  // namespace

extern "C" void guest_main(const guest::HvmStartInfo& info) {
    const guest::CommandLine options(guest::command_line_of(info));
    const auto factor = static_cast<unsigned>(options.number("times", 1));
    guest::print("exits: every kind of VM exit, a known number of times\n");
    guest::initialise_interrupts();
    initialise_fault_skipping();
    guest::start_timer(kTimerHertz);

    for (const Kind& kind : kinds) {
        if (!wanted(options, kind)) {
            if (guest::word_is(kind.name, kOnlyOnRequest))
                guest::print(kind.name, " not run: only with only=", kind.name,
                             ", as some hypervisors never get past it\n");
            continue;
        }
        const unsigned count = kind.count * factor;
        const unsigned long faults_before = faults_survived;
        kind.provoke(count);
        guest::print(kind.name, " ", count, ", faults ", faults_survived - faults_before, "\n");
    }
    guest::print("done\n");
    guest::debug_exit(guest::kPassed);
}
