// L1 on an Intel processor.
#include "guests/hypervisor/vmx.h"

#include "guests/hypervisor/breaks.h"
#include "guests/hypervisor/l2.h"
#include "guests/hypervisor/l2_memory.h"
#include "guests/hypervisor/run.h"
#include "guests/hypervisor/vmcs.h"
#include "guests/lib/console.h"
#include "guests/lib/cpu.h"
#include "guests/lib/task_state.h"

using guest::Hex;
using guest::print;

extern "C" unsigned vmx_enter(hypervisor::L2Registers&, bool resume);  // enter.S

namespace hypervisor {
// A debugger that stops here sees a VMCS with which VM entry has failed, and how.
[[gnu::noinline]] void refused(const char* name, unsigned failure, uint64_t number) {
    if (failure != 0)
        print(name, ": error ", number, "\n");
    else
        print(name, ": entry failed, reason ", number, "\n");
}

[[gnu::noinline]] void vmcs_is_ready() {}

namespace {

constexpr uint64_t kLocked = 1, kVmxOutsideSmx = 4;  // IA32_FEATURE_CONTROL
constexpr uint64_t kEntryFailed = 1u << 31;          // in an exit reason

constexpr uint64_t kReasonCpuid = 10, kReasonHlt = 12, kReasonVmcall = 18, kReasonIo = 30,
                   kReasonEptViolation = 48;

alignas(4096) uint8_t vmxon_region[4096];

bool enter_vmx_operation() {
    const uint64_t control = guest::read_msr(kFeatureControl);
    if ((control & kLocked) == 0)
        guest::write_msr(kFeatureControl, control | kLocked | kVmxOutsideSmx);
    guest::write_cr0((guest::read_cr0() | guest::read_msr(kVmxCr0Fixed0)) & guest::read_msr(kVmxCr0Fixed1));
    guest::write_cr4((guest::read_cr4() | guest::read_msr(kVmxCr4Fixed0)) & guest::read_msr(kVmxCr4Fixed1));
    *reinterpret_cast<uint32_t*>(vmxon_region) =
        static_cast<uint32_t>(guest::read_msr(kVmxBasic)) & 0x7fffffff;
    return vmxon(reinterpret_cast<uint64_t>(vmxon_region));
}

Exit exit_of(uint64_t reason) {
    switch (reason) {
        case kReasonCpuid:
            return Exit::Cpuid;
        case kReasonIo:
            return Exit::Io;
        case kReasonHlt:
            return Exit::Hlt;
        case kReasonEptViolation:
            return Exit::MissingPage;
        case kReasonVmcall:
            return Exit::Hypercall;
        default:
            print("unexpected exit, reason ", Hex{reason}, ", qualification ",
                  Hex{vmread(kExitQualification)}, "\n");
            return Exit::Other;
    }
}

// Skips the instruction that caused the exit, unless L2 is to execute it again, now that its page is mapped.
void finish(Exit exit) {
    if (exit == Exit::MissingPage)
        map_late_page(SecondLevel::Ept);
    else
        vmwrite(kGuestRip, vmread(kGuestRip) + vmread(kExitInstructionLength));
}

bool refuses(const Break& broken, uint64_t ept_pointer) {
    if (!prepare_vmcs(ept_pointer))
        return false;
    apply(broken);
    const unsigned failure = vmx_enter(l2, false);
    const uint64_t reason = vmread(kExitReason);
    if (failure != 0)
        refused(broken.name, failure, vmread(kInstructionError));
    else if ((reason & kEntryFailed) != 0)
        refused(broken.name, failure, reason & 0xffff);
    return failure != 0 || (reason & kEntryFailed) != 0;
}

bool launched = false;

bool run(Facts& facts) {
    if (vmx_enter(l2, launched) != 0) {
        print("VM entry failed, error ", vmread(kInstructionError), "\n");
        return false;
    }
    launched = true;
    read_own_vmcs();
    facts = {exit_of(vmread(kExitReason)), vmread(kGuestPhysicalAddress), vmread(kGuestRip)};
    return true;
}

}  // namespace

bool run_on_vmx(unsigned long rounds, const char* broken) {
    print("hypervisor: VMX\n");
    guest::load_task_state();
    if (!enter_vmx_operation()) {
        print("VMXON failed\n");
        return false;
    }
    const uint64_t ept_pointer = build_l2_memory(SecondLevel::Ept);
    l2.rdi = static_cast<uint64_t>(Processor::Vmx);
    if (broken != nullptr)
        return refuses_all(breaks, break_count, broken,
                           [=](const Break& way) { return refuses(way, ept_pointer); });
    if (!prepare_vmcs(ept_pointer)) {
        print("there is no VMCS\n");
        return false;
    }
    vmcs_is_ready();
    const bool passed = run_rounds(rounds, {run, finish});
    vmxoff();
    return passed;
}

}  // namespace hypervisor
