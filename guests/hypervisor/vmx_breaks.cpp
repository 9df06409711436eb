// What makes a processor refuse VM entry, one way each (SDM volume 3, 27.2 and 27.3).
#include "guests/hypervisor/vmcs.h"

namespace hypervisor {

namespace {
constexpr uint64_t kAll = ~0ull;
constexpr uint64_t bit(unsigned n) {
    return 1ull << n;
}
constexpr uint64_t kNotCanonical = 0x0000900000000000;
}  // namespace

const Break breaks[] = {
    // Controls: error 7.
    {"PIN_BASED_CONTROLS", {{0x4000, bit(1), 0}}},
    {"PIN_BASED_CONTROLS.reserved", {{0x4000, 0, bit(31)}}},
    {"PIN_BASED_CONTROLS.virtual-NMIs", {{0x4000, 0, bit(5)}}},
    {"PRIMARY_CONTROLS", {{0x4002, bit(1), 0}}},
    {"PRIMARY_CONTROLS.reserved", {{0x4002, 0, bit(0)}}},
    {"PRIMARY_CONTROLS.NMI-window", {{0x4002, 0, bit(22)}}},
    {"SECONDARY_CONTROLS", {{0x401e, 0, bit(29)}}},
    {"SECONDARY_CONTROLS.unrestricted", {{0x401e, bit(1), bit(7)}}},
    {"SECONDARY_CONTROLS.x2APIC", {{0x401e, 0, bit(4)}}},
    {"VM_EXIT_CONTROLS", {{0x400c, bit(0), 0}}},
    {"VM_EXIT_CONTROLS.reserved", {{0x400c, 0, bit(27)}}},
    {"VM_EXIT_CONTROLS.timer", {{0x400c, 0, bit(22)}}},
    {"VM_ENTRY_CONTROLS", {{0x4012, bit(0), 0}}},
    {"VM_ENTRY_CONTROLS.reserved", {{0x4012, 0, bit(31)}}},
    {"VM_ENTRY_CONTROLS.SMM", {{0x4012, 0, bit(10)}}},
    {"CR3_TARGET_COUNT", {{0x400a, 0, 5}}},
    {"IO_BITMAP_A", {{0x4002, 0, bit(25)}, {0x2000, kAll, 1}}},
    {"IO_BITMAP_B", {{0x4002, 0, bit(25)}, {0x2002, kAll, 1}}},
    {"MSR_BITMAPS", {{0x4002, 0, bit(28)}, {0x2004, kAll, 1}}},
    {"VIRTUAL_APIC_ADDRESS", {{0x4002, 0, bit(21)}, {0x2012, kAll, 1}}},
    {"TPR_THRESHOLD", {{0x4002, 0, bit(21)}, {0x401c, 0, 0x10}}},
    {"APIC_ACCESS_ADDRESS", {{0x401e, 0, bit(0)}, {0x2014, kAll, 1}}},
    {"EPT_POINTER.type", {{0x201a, 7, 1}}},
    {"EPT_POINTER.levels", {{0x201a, 0x38, 0x10}}},
    {"EPT_POINTER.reserved", {{0x201a, 0, bit(11)}}},
    {"EPT_POINTER.address", {{0x201a, 0, bit(51)}}},
    {"VPID", {{0x401e, 0, bit(5)}, {0x0000, 0xffff, 0}}},
    {"VM_ENTRY_INTERRUPTION_INFORMATION.type", {{0x4016, 0, 0x80000100}}},
    {"VM_ENTRY_INTERRUPTION_INFORMATION.NMI", {{0x4016, 0, 0x80000203}}},
    {"VM_ENTRY_INTERRUPTION_INFORMATION.vector", {{0x4016, 0, 0x80000320}}},
    {"VM_ENTRY_INTERRUPTION_INFORMATION.error", {{0x4016, 0, 0x80000b06}}},
    {"VM_ENTRY_INTERRUPTION_INFORMATION.reserved", {{0x4016, 0, 0x80001306}}},
    {"VM_ENTRY_EXCEPTION_ERROR_CODE", {{0x4016, 0, 0x80000b0d}, {0x4018, 0, bit(16)}}},
    {"VM_ENTRY_INSTRUCTION_LENGTH", {{0x4016, 0, 0x80000480}, {0x401a, 0, 16}}},
    {"VM_ENTRY_MSR_LOAD_ADDRESS", {{0x4014, 0, 1}, {0x200a, kAll, 8}}},
    {"VM_EXIT_MSR_LOAD_ADDRESS", {{0x4010, 0, 1}, {0x2008, kAll, 8}}},
    {"VM_EXIT_MSR_STORE_ADDRESS", {{0x400e, 0, 1}, {0x2006, kAll, 8}}},
    // Host state: error 8.
    {"HOST_CR0", {{0x6c00, bit(0), 0}}},
    {"HOST_CR4", {{0x6c04, bit(13), 0}}},
    {"HOST_CR4.PAE", {{0x6c04, bit(5), 0}}},
    {"HOST_CR3", {{0x6c02, 0, bit(60)}}},
    {"HOST_IA32_EFER", {{0x2c02, bit(10), 0}}},
    {"HOST_IA32_EFER.reserved", {{0x2c02, 0, bit(1)}}},
    {"HOST_IA32_PAT", {{0x400c, 0, bit(19)}, {0x2c00, kAll, 2}}},
    {"HOST_CS_SELECTOR", {{0x0c02, 0xffff, 0}}},
    {"HOST_SS_SELECTOR", {{0x0c04, 0, 3}}},
    {"HOST_DS_SELECTOR", {{0x0c06, 0, 4}}},
    {"HOST_TR_SELECTOR", {{0x0c0c, 0xffff, 0}}},
    {"HOST_FS_BASE", {{0x6c06, 0, kNotCanonical}}},
    {"HOST_GDTR_BASE", {{0x6c0c, 0, kNotCanonical}}},
    {"HOST_IDTR_BASE", {{0x6c0e, 0, kNotCanonical}}},
    {"HOST_TR_BASE", {{0x6c0a, 0, kNotCanonical}}},
    {"HOST_RIP", {{0x6c16, 0, kNotCanonical}}},
    {"HOST_IA32_SYSENTER_ESP", {{0x6c10, 0, kNotCanonical}}},
    {"VM_EXIT_CONTROLS.host-size", {{0x400c, bit(9), 0}}},
    // Guest state: an exit with reason 33.
    {"GUEST_CR0", {{0x6800, bit(5), 0}}},
    {"GUEST_CR0.PE", {{0x6800, bit(0), 0}}},
    {"GUEST_CR4", {{0x6804, bit(13), 0}}},
    {"GUEST_CR4.PAE", {{0x6804, bit(5), 0}}},
    {"GUEST_CR3", {{0x6802, 0, bit(60)}}},
    {"GUEST_IA32_EFER", {{0x2806, bit(10), 0}}},
    {"GUEST_RFLAGS", {{0x6820, bit(1), 0}}},
    {"GUEST_RFLAGS.reserved", {{0x6820, 0, bit(3)}}},
    {"GUEST_RFLAGS.VM", {{0x6820, 0, bit(17)}}},
    {"GUEST_RIP", {{0x681e, 0, kNotCanonical}}},
    {"GUEST_CS_ACCESS_RIGHTS", {{0x4816, 0xf, 3}}},
    {"GUEST_CS_ACCESS_RIGHTS.P", {{0x4816, bit(7), 0}}},
    {"GUEST_CS_ACCESS_RIGHTS.D", {{0x4816, 0, bit(14)}}},
    {"GUEST_CS_LIMIT", {{0x4802, 0xffff, 0}}},
    {"GUEST_SS_SELECTOR", {{0x0804, 0, 3}}},
    {"GUEST_SS_ACCESS_RIGHTS", {{0x4818, 0xf, 1}}},
    {"GUEST_DS_ACCESS_RIGHTS", {{0x481a, 0, bit(8)}}},
    {"GUEST_TR_ACCESS_RIGHTS", {{0x4822, 0xf, 1}}},
    {"GUEST_TR_SELECTOR", {{0x080e, 0, 4}}},
    {"GUEST_TR_BASE", {{0x6814, 0, kNotCanonical}}},
    {"GUEST_LDTR_ACCESS_RIGHTS", {{0x4820, kAll, 0x83}}},
    {"GUEST_GDTR_LIMIT", {{0x4810, 0, bit(16)}}},
    {"GUEST_IDTR_BASE", {{0x6818, 0, kNotCanonical}}},
    {"GUEST_ACTIVITY_STATE", {{0x4826, 0, 4}}},
    {"GUEST_INTERRUPTIBILITY_STATE", {{0x4824, 0, 3}}},
    {"GUEST_INTERRUPTIBILITY_STATE.IF", {{0x4824, 0, 1}}},
    {"GUEST_INTERRUPTIBILITY_STATE.reserved", {{0x4824, 0, bit(6)}}},
    {"GUEST_PENDING_DEBUG_EXCEPTIONS", {{0x6822, 0, bit(4)}}},
    {"VMCS_LINK_POINTER", {{0x2800, kAll, 1}}},
    {"GUEST_DR7", {{0x4012, 0, bit(2)}, {0x681a, 0, bit(32)}}},
    {"GUEST_IA32_PAT", {{0x4012, 0, bit(14)}, {0x2804, kAll, 2}}},
    {"GUEST_IA32_SYSENTER_EIP", {{0x6826, 0, kNotCanonical}}},
};
const unsigned break_count = sizeof breaks / sizeof breaks[0];

}  // namespace hypervisor
