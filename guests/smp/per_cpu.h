// What belongs to one CPU. Each finds its own through the GS base.
#pragma once

#include <stdint.h>

// As many as 8-bit APIC ids can name. trampoline.S has the same number.
inline constexpr unsigned kMaximumCpus = 255;

struct PerCpu {
    PerCpu* self;    // first, so that it is at %gs:0
    unsigned index;  // 0 is the boot processor
    unsigned apic_id;
    volatile unsigned long counter;  // written by its own CPU alone
    volatile bool done;
};

extern PerCpu per_cpu[kMaximumCpus];

// Points this CPU's GS base at its area.
void claim_per_cpu(unsigned index);

inline PerCpu& this_cpu() {
    PerCpu* self;
    asm("movq %%gs:0, %0" : "=r"(self));
    return *self;
}
