// hypervisor: a hypervisor (L1) of a few hundred lines, and its own guest (L2), which exercises it.
//
// On an Intel processor it enters VMX operation and fills in a VMCS (vmx.cpp), on an AMD one it fills in a VMCB
// (svm.cpp). L2 executes CPUID, OUT and HLT and writes to a page that it does not have (l2.cpp), and L1 handles each
// exit (run.cpp). L2 has its own page tables, and its physical memory is a few pages of L1's (l2_memory.cpp).
//
// To see:  break hypervisor::handle, `monitor vmcs`, `monitor vmcs GUEST_RIP`, `p/x hypervisor::own_vmcs`
//          break hypervisor::refused with break=FIELD, `monitor vmcs check`
//          on an AMD processor hypervisor::vmrun_refused, `monitor vmcb check &hypervisor::vmcb`
//
// Command line (PVH):
//   rounds=N     how often L2 does all of that (2)
//   break=NAME   breaks one field of the VMCS or VMCB before the first VM entry, which the processor then refuses
//                (vmx_breaks.cpp and svm_breaks.cpp have the names); all: one after the other
//
// It ends with 0x10 in the debug-exit port if every exit was as expected or a broken field was refused, with 0x12 if the
// processor has neither VMX nor SVM, otherwise with 0x11.

#include "guests/hypervisor/run.h"
#include "guests/lib/boot_info.h"
#include "guests/lib/command_line.h"
#include "guests/lib/console.h"
#include "guests/lib/cpu.h"
#include "guests/lib/exit.h"
#include "guests/lib/interrupts.h"

namespace {

constexpr uint8_t kNoVirtualization = 0x12;  // process status 37
constexpr uint32_t kVmx = 1u << 5;           // CPUID.1:ECX
constexpr uint32_t kSvm = 1u << 2;           // CPUID.80000001H:ECX

}  // namespace

extern "C" void guest_main(const guest::HvmStartInfo& info) {
    const guest::CommandLine options(guest::command_line_of(info));
    const unsigned long rounds = options.number("rounds", 2);
    guest::initialise_interrupts();
    bool passed = false;
    if ((guest::cpuid(1).ecx & kVmx) != 0) {
        passed = hypervisor::run_on_vmx(rounds, options.find("break"));
    } else if ((guest::cpuid(0x80000001).ecx & kSvm) != 0) {
        passed = hypervisor::run_on_svm(rounds, options.find("break"));
    } else {
        guest::print("This processor has neither VMX nor SVM.\n");
        guest::debug_exit(kNoVirtualization);
    }
    guest::print(passed ? "done\n" : "failed\n");
    guest::debug_exit(passed ? guest::kPassed : guest::kFailed);
}
