// One function for each kind of exit, so that an exit profile by RIP names the kind.
#pragma once

struct Kind {
    const char* name;
    void (*provoke)(unsigned times);
    unsigned count;  // from counts.h
};

// devices.cpp
void provoke_out8(unsigned times);
void provoke_out16(unsigned times);
void provoke_out32(unsigned times);
void provoke_in8(unsigned times);
void provoke_in16(unsigned times);
void provoke_in32(unsigned times);
void provoke_rep_outs(unsigned times);
void provoke_mmio_write8(unsigned times);
void provoke_mmio_write16(unsigned times);
void provoke_mmio_write32(unsigned times);
void provoke_mmio_write64(unsigned times);
void provoke_mmio_read8(unsigned times);
void provoke_mmio_read16(unsigned times);
void provoke_mmio_read32(unsigned times);
void provoke_mmio_read64(unsigned times);
void provoke_fresh_pages(unsigned times);

// instructions.cpp
void provoke_cpuid_vendor(unsigned times);
void provoke_cpuid_hypervisor(unsigned times);
void provoke_rdmsr(unsigned times);
void provoke_wrmsr(unsigned times);
void provoke_rdmsr_unknown(unsigned times);
void provoke_wrmsr_unknown(unsigned times);
void provoke_cr0(unsigned times);
void provoke_cr3(unsigned times);
void provoke_cr4(unsigned times);
void provoke_dr7(unsigned times);
void provoke_invlpg(unsigned times);
void provoke_rdtsc(unsigned times);
void provoke_wbinvd(unsigned times);
void provoke_hypercall(unsigned times);
void provoke_xsetbv(unsigned times);
void provoke_hlt(unsigned times);

// The number of exceptions that were skipped.
extern volatile unsigned long faults_survived;

// Makes #UD and #GP skip the instruction that raised them, if the provoking function asked for it.
void initialise_fault_skipping();
