// How often the `exits` guest provokes each kind of VM exit; the tests on the host compare with these
// numbers. They are distinct primes, so that a wrong attribution shows. `times=N` on the command line
// multiplies all of them.
//
// Kinds marked (always) exit on every hypervisor. The others are executed this often; whether each
// of them exits is the hypervisor's choice (RDTSC or INVLPG rarely do, CR3 only without nested paging), and
// some end in an exception that the guest counts and survives.
#pragma once

namespace guests::exits {

// Ports: (always), one exit for each. No device has them.
inline constexpr unsigned short kPort8 = 0xe00;
inline constexpr unsigned short kPort16 = 0xe10;
inline constexpr unsigned short kPort32 = 0xe20;
inline constexpr unsigned short kPortString = 0xe30;
inline constexpr unsigned kOut8 = 11;
inline constexpr unsigned kOut16 = 13;
inline constexpr unsigned kOut32 = 17;
inline constexpr unsigned kIn8 = 19;
inline constexpr unsigned kIn16 = 23;
inline constexpr unsigned kIn32 = 29;
inline constexpr unsigned kRepOuts = 7;        // `rep outsb` instructions ...
inline constexpr unsigned kRepOutsBytes = 16;  // ... of so many bytes each, which KVM may report in one exit

// Memory-mapped I/O at an address without a device: (always), one exit for each.
inline constexpr unsigned long kMmioBase = 0xd0100000;
inline constexpr unsigned kMmioWrite8 = 31;
inline constexpr unsigned kMmioWrite16 = 37;
inline constexpr unsigned kMmioWrite32 = 41;
inline constexpr unsigned kMmioWrite64 = 43;
inline constexpr unsigned kMmioRead8 = 47;
inline constexpr unsigned kMmioRead16 = 53;
inline constexpr unsigned kMmioRead32 = 59;
inline constexpr unsigned kMmioRead64 = 61;

// Instructions.
inline constexpr unsigned kCpuidVendor = 67;      // leaf 0 (always)
inline constexpr unsigned kCpuidHypervisor = 71;  // leaf 0x40000000 (always)
inline constexpr unsigned kRdmsr = 73;            // kKnownMsr
inline constexpr unsigned kWrmsr = 79;            // kKnownMsr
inline constexpr unsigned kRdmsrUnknown =
    83;  // kUnknownMsr: ends in #GP, or not where unknown MSRs are ignored
inline constexpr unsigned kWrmsrUnknown = 89;
inline constexpr unsigned kKnownMsr = 0x1a0;         // IA32_MISC_ENABLE, written with what it holds
inline constexpr unsigned kUnknownMsr = 0x4b564dfe;  // in no range
inline constexpr unsigned kCr0Writes = 97;           // flips CR0.AM
inline constexpr unsigned kCr3Writes = 101;          // the same page table again
inline constexpr unsigned kCr4Writes = 103;          // flips CR4.MCE
inline constexpr unsigned kDr7Writes = 107;          // no breakpoint enabled
inline constexpr unsigned kInvlpg = 109;
inline constexpr unsigned kRdtsc = 113;
inline constexpr unsigned kWbinvd = 3;
inline constexpr unsigned kHypercall =
    127;  // VMCALL or VMMCALL with an unknown number; only with only=hypercall
inline constexpr unsigned kXsetbv = 131;  // (always), where CPUID has XSAVE; none otherwise

// HLT until the next timer interrupt. (Exits to userspace only without an in-kernel interrupt controller.)
inline constexpr unsigned kHlt = 5;
inline constexpr unsigned kTimerHertz = 100;

// First touches of fresh pages: a nested page fault for each, unless the host backs them by larger pages.
inline constexpr unsigned kFreshPages = 137;
inline constexpr unsigned long kFreshBase = 16ul << 20;  // so the guest needs 32 MiB, and more with times=N

}  // namespace guests::exits
