// This hypervisor's VMCS: filling it in, reading it back, and making the processor refuse it.
#pragma once

#include <stdint.h>

namespace hypervisor {

// Makes the VMCS current and clear, and fills in everything that L2 needs.
bool prepare_vmcs(uint64_t ept_pointer);

// One field as VMREAD sees it.
struct OwnField {
    uint32_t encoding;
    uint64_t value;
};
inline constexpr unsigned kMostFields = 256;
inline OwnField own_vmcs[kMostFields];
inline unsigned own_fields;

// Reads every field that the processor has into own_vmcs.
void read_own_vmcs();

// Sets bits of one field, after clearing some.
struct Change {
    uint32_t field;
    uint64_t clear, set;
};
// A way to make the processor refuse VM entry. A second change may be needed: a field without encoding is none.
struct Break {
    const char* name;
    Change changes[2];
};
extern const Break breaks[];
extern const unsigned break_count;

void apply(const Break& broken);

}  // namespace hypervisor
