// This hypervisor's VMCB: what it writes to it, and what breaks it (APM volume 2, appendix B).
#pragma once

#include <stdint.h>

namespace hypervisor {

alignas(4096) inline uint8_t vmcb[4096];

template <typename T>
volatile T& field(unsigned offset) {
    return *reinterpret_cast<volatile T*>(vmcb + offset);
}

// Sets bits of one field, after clearing some.
struct VmcbChange {
    uint16_t offset;
    uint8_t bytes;
    uint64_t clear, set;
};
// A way to make the processor refuse VMRUN.
struct VmcbBreak {
    const char* name;
    VmcbChange change;
};
extern const VmcbBreak vmcb_breaks[];
extern const unsigned vmcb_break_count;

void apply(const VmcbBreak& broken);

}  // namespace hypervisor
