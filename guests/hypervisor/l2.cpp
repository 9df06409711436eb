// L2's program. It runs in its own address space: nothing here may call or read anything outside the section .l2.
#include "guests/hypervisor/l2.h"

#include "guests/lib/cpu.h"
#include "guests/lib/ports.h"

#define L2_CODE [[gnu::section(".l2.text")]]
#define L2_DATA [[gnu::section(".l2.data")]]

namespace hypervisor {

L2_DATA volatile uint64_t l2_rounds = 1;  // not 0, which would put it into .bss
L2_DATA volatile uint32_t l2_vendor = 1;

// Each line exits to L1: it intercepts CPUID, OUT and HLT, and has mapped no page for the write.
L2_CODE static void l2_round() {
    l2_vendor = guest::cpuid(0).ebx;
    guest::out8(kL2Port, static_cast<uint8_t>(l2_rounds));
    asm volatile("hlt");
    *reinterpret_cast<volatile uint64_t*>(kL2LateVirtual) = l2_rounds;
    l2_rounds = l2_rounds + 1;
}

extern "C" L2_CODE void l2_main(Processor processor) {
    asm volatile(".cfi_undefined rip");  // there is no caller: backtraces end here
    for (;;) {
        l2_round();
        if (processor == Processor::Vmx)
            asm volatile("vmcall");
        else
            asm volatile("vmmcall");
    }
}

}  // namespace hypervisor
