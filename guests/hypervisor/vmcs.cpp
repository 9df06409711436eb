#include "guests/hypervisor/vmcs.h"

#include "guests/hypervisor/l2.h"
#include "guests/hypervisor/l2_memory.h"
#include "guests/hypervisor/vmx.h"
#include "guests/lib/cpu.h"
#include "guests/lib/segments.h"
#include "guests/lib/task_state.h"

extern "C" const uint8_t vmx_exit[];  // enter.S

namespace hypervisor {
namespace {

constexpr uint64_t kPrimaryWanted = 1u << 7              // HLT leaves L2
                                    | 1u << 24           // so do IN and OUT
                                    | 1u << 31;          // the secondary controls count
constexpr uint64_t kSecondaryWanted = 1u << 1;           // EPT
constexpr uint64_t kExitWanted = 1u << 9                 // back to 64-bit mode
                                 | 1u << 20 | 1u << 21;  // EFER is saved and loaded
constexpr uint64_t kEntryWanted = 1u << 9                // L2 is in 64-bit mode
                                  | 1u << 15;            // EFER is loaded

constexpr uint64_t kLongMode = 0x500;  // EFER.LME and LMA
constexpr uint64_t kNoVmcs = ~0ull;

constexpr unsigned kEs = 0, kCs = 1, kSs = 2, kDs = 3, kFs = 4, kLdtr = 6, kTr = 7;
constexpr uint64_t kCodeRights = 0xa09b, kDataRights = 0xc093, kTaskRights = 0x8b, kUnusable = 0x10000;
constexpr uint64_t kWholeLimit = 0xffffffff, kTaskLimit = 0x67;

alignas(4096) uint8_t vmcs_region[4096];

// An MSR of capabilities: its low half has the bits that must be 1, its high half those that may be.
uint64_t allowed(uint64_t wanted, uint32_t capabilities) {
    const uint64_t bits = guest::read_msr(capabilities);
    return (wanted | (bits & 0xffffffff)) & bits >> 32;
}

void set_controls(uint64_t ept_pointer) {
    vmwrite(kPinControls, allowed(0, kVmxTruePinControls));
    vmwrite(kPrimaryControls, allowed(kPrimaryWanted, kVmxTruePinControls + 1));
    vmwrite(kExitControls, allowed(kExitWanted, kVmxTruePinControls + 2));
    vmwrite(kEntryControls, allowed(kEntryWanted, kVmxTruePinControls + 3));
    vmwrite(kSecondaryControls, allowed(kSecondaryWanted, kVmxSecondaryControls));
    vmwrite(kEptPointer, ept_pointer | 3 << 3 | 6);  // four levels, write-back
    vmwrite(kVmcsLinkPointer, kNoVmcs);
}

// An encoding is a width (bits 14:13), a kind (11:10) and an index (9:1). Not every one is a field's.
template <typename F>
void for_each_encoding(F visit) {
    constexpr unsigned kMostIndexes = 0x20;
    for (uint32_t width_and_kind = 0; width_and_kind < 16; ++width_and_kind) {
        for (uint32_t index = 0; index < kMostIndexes; ++index)
            visit((width_and_kind >> 2) << 13 | (width_and_kind & 3) << 10 | index << 1);
    }
}

struct [[gnu::packed]] TablePointer {
    uint16_t limit;
    uint64_t base;
};

// Where the processor finds L1 after a VM exit: everything as it is now, but RIP and RSP (enter.S sets that).
void set_host_state() {
    TablePointer gdtr, idtr;
    asm volatile("sgdt %0" : "=m"(gdtr));
    asm volatile("sidt %0" : "=m"(idtr));
    vmwrite(kHostCr0, guest::read_cr0());
    vmwrite(kHostCr3, guest::read_cr3());
    vmwrite(kHostCr4, guest::read_cr4());
    vmwrite(kHostEfer, guest::read_msr(guest::kMsrEfer));
    for (unsigned segment = kEs; segment <= kDs; ++segment)
        vmwrite(kHostSelectors + 2 * segment, segment == kCs ? KERNEL_CODE : KERNEL_DATA);
    vmwrite(kHostSelectors + 2 * (kTr - 1), TASK_STATE);
    vmwrite(kHostTrBase, guest::task_state_address());
    vmwrite(kHostGdtrBase, gdtr.base);
    vmwrite(kHostIdtrBase, idtr.base);
    vmwrite(kHostRip, reinterpret_cast<uint64_t>(vmx_exit));
}

void set_segment(unsigned segment, uint64_t selector, uint64_t limit, uint64_t rights) {
    vmwrite(kGuestSelectors + 2 * segment, selector);
    vmwrite(kGuestLimits + 2 * segment, limit);
    vmwrite(kGuestAccessRights + 2 * segment, rights);
}

void set_guest_state() {
    for (unsigned segment = kEs; segment <= kDs; ++segment)
        set_segment(segment, segment == kCs ? KERNEL_CODE : KERNEL_DATA, kWholeLimit,
                    segment == kCs ? kCodeRights : kDataRights);
    for (unsigned segment = kFs; segment <= kLdtr; ++segment)
        set_segment(segment, 0, 0, kUnusable);
    set_segment(kTr, TASK_STATE, kTaskLimit, kTaskRights);
    vmwrite(kGuestCr0, guest::read_cr0());
    vmwrite(kGuestCr3, kL2PageMap);
    vmwrite(kGuestCr4, guest::read_cr4());
    vmwrite(kGuestEfer, kLongMode);
    vmwrite(kGuestDr7, 0x400);
    vmwrite(kGuestRflags, 2);
    vmwrite(kGuestRsp, kL2StackTop);
    vmwrite(kGuestRip, reinterpret_cast<uint64_t>(&l2_main));
}

}  // namespace

bool prepare_vmcs(uint64_t ept_pointer) {
    const auto address = reinterpret_cast<uint64_t>(vmcs_region);
    *reinterpret_cast<uint32_t*>(vmcs_region) =
        static_cast<uint32_t>(guest::read_msr(kVmxBasic)) & 0x7fffffff;
    if (!vmclear(address) || !vmptrld(address))
        return false;
    for_each_encoding(
        [](uint32_t encoding) { vmwrite(encoding, 0); });  // VMCLEAR promises nothing about them
    set_controls(ept_pointer);
    set_host_state();
    set_guest_state();
    return true;
}

void read_own_vmcs() {
    own_fields = 0;
    for_each_encoding([](uint32_t encoding) {
        OwnField& field = own_vmcs[own_fields];
        field.encoding = encoding;
        if (own_fields < kMostFields - 1 && vmread(encoding, field.value))
            ++own_fields;
    });
}

void apply(const Break& broken) {
    for (const Change& change : broken.changes) {
        if ((change.clear | change.set) != 0)
            vmwrite(change.field, (vmread(change.field) & ~change.clear) | change.set);
    }
}

}  // namespace hypervisor
