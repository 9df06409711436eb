// Exits by instruction.

#include <stdint.h>

#include "guests/exits/counts.h"
#include "guests/exits/kinds.h"
#include "guests/lib/cpu.h"
#include "guests/lib/interrupts.h"
#include "guests/lib/timer.h"

using namespace guests::exits;

volatile unsigned long faults_survived;

namespace {

constexpr unsigned long kCr0AlignmentMask = 1ul << 18;
constexpr unsigned long kCr4MachineCheck = 1ul << 6;
constexpr unsigned long kCr4Osxsave = 1ul << 18;
constexpr unsigned long kDr7NothingEnabled = 0x400;
constexpr uint32_t kCpuidXsave = 1u << 26;        // leaf 1, ECX
constexpr uint32_t kVendorAmdEcx = 0x444d4163;    // "cAMD"
constexpr uint32_t kVendorHygonEcx = 0x656e6975;  // "uine"
constexpr unsigned long kUnknownHypercall = 0x4b564dfe;
constexpr uint32_t kXcr0X87 = 1;

// Where to continue after an exception; 0 if none is expected. Set right before the instruction in question.
volatile uintptr_t resume_address;

void skip_instruction(guest::InterruptFrame& frame) {
    if (resume_address == 0) {
        guest::set_handler(static_cast<unsigned>(frame.vector), nullptr);  // let it be reported
        return;
    }
    faults_survived = faults_survived + 1;
    frame.ip = resume_address;
}

// Executes `instruction` and skips it if it raises an exception.
#define SURVIVE(instruction, ...)                                                 \
    asm volatile("movq $1f, %[resume]\n\t" instruction "\n1:\tmovq $0, %[resume]" \
                 : [resume] "=m"(resume_address)__VA_ARGS__)

}  // namespace

void initialise_fault_skipping() {
    guest::set_handler(guest::kVectorInvalidOpcode, skip_instruction);
    guest::set_handler(guest::kVectorGeneralProtection, skip_instruction);
}

void provoke_cpuid_vendor(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        guest::cpuid(0);
}

void provoke_cpuid_hypervisor(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        guest::cpuid(0x40000000);
}

void provoke_rdmsr(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        guest::read_msr(kKnownMsr);
}

void provoke_wrmsr(unsigned times) {
    const uint64_t value = guest::read_msr(kKnownMsr);
    for (unsigned i = 0; i < times; ++i)
        guest::write_msr(kKnownMsr, value);
}

void provoke_rdmsr_unknown(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        SURVIVE("rdmsr", : "c"(kUnknownMsr) : "eax", "edx");
}

void provoke_wrmsr_unknown(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        SURVIVE("wrmsr", : "c"(kUnknownMsr), "a"(0), "d"(0));
}

void provoke_cr0(unsigned times) {
    unsigned long value = guest::read_cr0();
    for (unsigned i = 0; i < times; ++i) {
        value ^= kCr0AlignmentMask;
        guest::write_cr0(value);
    }
}

void provoke_cr3(unsigned times) {
    const unsigned long value = guest::read_cr3();
    for (unsigned i = 0; i < times; ++i)
        guest::write_cr3(value);
}

void provoke_cr4(unsigned times) {
    unsigned long value = guest::read_cr4();
    for (unsigned i = 0; i < times; ++i) {
        value ^= kCr4MachineCheck;
        guest::write_cr4(value);
    }
}

void provoke_dr7(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        guest::write_dr7(kDr7NothingEnabled);
}

void provoke_invlpg(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        guest::invalidate_page(kFreshBase);
}

void provoke_rdtsc(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        guest::read_tsc();
}

void provoke_wbinvd(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
        asm volatile("wbinvd" : : : "memory");
}

void provoke_hypercall(unsigned times) {
    const uint32_t vendor = guest::cpuid(0).ecx;
    const bool amd = vendor == kVendorAmdEcx || vendor == kVendorHygonEcx;
    for (unsigned i = 0; i < times; ++i) {
        unsigned long number = kUnknownHypercall;
        if (amd)
            SURVIVE("vmmcall", , "+a"(number) : : "memory");
        else
            SURVIVE("vmcall", , "+a"(number) : : "memory");
    }
}

void provoke_xsetbv(unsigned times) {
    if ((guest::cpuid(1).ecx & kCpuidXsave) == 0)
        return;
    guest::write_cr4(guest::read_cr4() | kCr4Osxsave);
    for (unsigned i = 0; i < times; ++i)
        SURVIVE("xsetbv", : "c"(0), "a"(kXcr0X87), "d"(0));
}

void provoke_hlt(unsigned times) {
    for (const unsigned long end = guest::ticks + times; guest::ticks < end;)
        guest::wait_for_interrupt();
    guest::disable_interrupts();
}
