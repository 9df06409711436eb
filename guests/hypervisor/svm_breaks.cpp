// What makes a processor refuse VMRUN, one way each (APM volume 2, 15.5.1, 15.16.1, 15.20 and 15.25.4). A number in a name is
// that of the bit which is set, or the value.
#include "guests/hypervisor/vmcb.h"

namespace hypervisor {

namespace {
constexpr uint64_t kAll = ~0ull;
constexpr uint64_t bit(unsigned n) {
    return 1ull << n;
}

template <typename T>
void change(const VmcbChange& c) {
    field<T>(c.offset) = static_cast<T>((field<T>(c.offset) & ~c.clear) | c.set);
}
}  // namespace

const VmcbBreak vmcb_breaks[] = {
    // Controls.
    {"INTERCEPTS_2", {0x010, 4, bit(0), 0}},
    {"GUEST_ASID", {0x058, 4, kAll, 0}},
    {"TLB_CONTROL.2", {0x05c, 1, kAll, 2}},
    {"TLB_CONTROL.4", {0x05c, 1, kAll, 4}},
    {"TLB_CONTROL.5", {0x05c, 1, kAll, 5}},
    {"TLB_CONTROL.6", {0x05c, 1, kAll, 6}},
    {"TLB_CONTROL.128", {0x05c, 1, kAll, 128}},
    {"IOPM_BASE_PA.48", {0x040, 8, 0, bit(48)}},
    {"IOPM_BASE_PA.51", {0x040, 8, 0, bit(51)}},
    {"IOPM_BASE_PA.62", {0x040, 8, 0, bit(62)}},
    {"MSRPM_BASE_PA.48", {0x048, 8, 0, bit(48)}},
    {"MSRPM_BASE_PA.51", {0x048, 8, 0, bit(51)}},
    {"MSRPM_BASE_PA.62", {0x048, 8, 0, bit(62)}},
    // An event to inject.
    {"EVENT_INJECTION.type-1", {0x0a8, 8, kAll, bit(31) | 1 << 8}},
    {"EVENT_INJECTION.type-5", {0x0a8, 8, kAll, bit(31) | 5 << 8}},
    {"EVENT_INJECTION.type-6", {0x0a8, 8, kAll, bit(31) | 6 << 8}},
    {"EVENT_INJECTION.type-7", {0x0a8, 8, kAll, bit(31) | 7 << 8}},
    {"EVENT_INJECTION.vector-2", {0x0a8, 8, kAll, bit(31) | 3 << 8 | 2}},
    {"EVENT_INJECTION.vector-32", {0x0a8, 8, kAll, bit(31) | 3 << 8 | 32}},
    {"EVENT_INJECTION.vector-255", {0x0a8, 8, kAll, bit(31) | 3 << 8 | 255}},
    // Nested paging.
    {"N_CR3.51", {0x0b0, 8, 0, bit(51)}},
    {"N_CR3.52", {0x0b0, 8, 0, bit(52)}},
    {"N_CR3.63", {0x0b0, 8, 0, bit(63)}},
    {"G_PAT.type-2", {0x668, 8, kAll, 2}},
    {"G_PAT.type-3", {0x668, 8, kAll, 3}},
    {"G_PAT.type-8", {0x668, 8, kAll, 8}},
    // State.
    {"EFER", {0x4d0, 8, bit(12), 0}},
    {"EFER.1", {0x4d0, 8, 0, bit(1)}},
    {"EFER.2", {0x4d0, 8, 0, bit(2)}},
    {"EFER.3", {0x4d0, 8, 0, bit(3)}},
    {"EFER.4", {0x4d0, 8, 0, bit(4)}},
    {"EFER.5", {0x4d0, 8, 0, bit(5)}},
    {"EFER.6", {0x4d0, 8, 0, bit(6)}},
    {"EFER.7", {0x4d0, 8, 0, bit(7)}},
    {"EFER.9", {0x4d0, 8, 0, bit(9)}},
    {"EFER.16", {0x4d0, 8, 0, bit(16)}},
    {"EFER.19", {0x4d0, 8, 0, bit(19)}},
    {"EFER.22", {0x4d0, 8, 0, bit(22)}},
    {"EFER.32", {0x4d0, 8, 0, bit(32)}},
    {"EFER.63", {0x4d0, 8, 0, bit(63)}},
    {"CR0.NW", {0x558, 8, bit(30), bit(29)}},
    {"CR0.PE", {0x558, 8, bit(0), 0}},
    {"CR0.32", {0x558, 8, 0, bit(32)}},
    {"CR0.40", {0x558, 8, 0, bit(40)}},
    {"CR0.63", {0x558, 8, 0, bit(63)}},
    {"CR3.48", {0x550, 8, 0, bit(48)}},
    {"CR3.52", {0x550, 8, 0, bit(52)}},
    {"CR3.62", {0x550, 8, 0, bit(62)}},
    {"CR4.PAE", {0x548, 8, bit(5), 0}},
    {"CR4.12", {0x548, 8, 0, bit(12)}},
    {"CR4.13", {0x548, 8, 0, bit(13)}},
    {"CR4.14", {0x548, 8, 0, bit(14)}},
    {"CR4.15", {0x548, 8, 0, bit(15)}},
    {"CR4.17", {0x548, 8, 0, bit(17)}},
    {"CR4.19", {0x548, 8, 0, bit(19)}},
    {"CR4.22", {0x548, 8, 0, bit(22)}},
    {"CR4.23", {0x548, 8, 0, bit(23)}},
    {"CR4.24", {0x548, 8, 0, bit(24)}},
    {"CR4.25", {0x548, 8, 0, bit(25)}},
    {"CR4.31", {0x548, 8, 0, bit(31)}},
    {"CR4.32", {0x548, 8, 0, bit(32)}},
    {"CR4.63", {0x548, 8, 0, bit(63)}},
    {"DR6.32", {0x568, 8, 0, bit(32)}},
    {"DR6.48", {0x568, 8, 0, bit(48)}},
    {"DR6.63", {0x568, 8, 0, bit(63)}},
    {"DR7.32", {0x560, 8, 0, bit(32)}},
    {"DR7.48", {0x560, 8, 0, bit(48)}},
    {"DR7.63", {0x560, 8, 0, bit(63)}},
    {"CS_ATTRIBUTES", {0x412, 2, 0, bit(10)}},
};
const unsigned vmcb_break_count = sizeof vmcb_breaks / sizeof vmcb_breaks[0];

void apply(const VmcbBreak& broken) {
    switch (broken.change.bytes) {
        case 1:
            return change<uint8_t>(broken.change);
        case 2:
            return change<uint16_t>(broken.change);
        case 4:
            return change<uint32_t>(broken.change);
        default:
            return change<uint64_t>(broken.change);
    }
}

}  // namespace hypervisor
