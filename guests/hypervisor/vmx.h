// The VMX instructions, one function each, and the numbers that this hypervisor needs (SDM volume 3, appendices A and B).
#pragma once

#include <stdint.h>

#include "guests/lib/inline.h"

namespace hypervisor {

// VMCS fields that are set or read by name.
inline constexpr uint32_t kGuestSelectors = 0x0800;  // ES, CS, SS, DS, FS, GS, LDTR, TR: two apart, as below
inline constexpr uint32_t kHostSelectors = 0x0c00;   // ES, CS, SS, DS, FS, GS, TR
inline constexpr uint32_t kEptPointer = 0x201a;
inline constexpr uint32_t kGuestPhysicalAddress = 0x2400;
inline constexpr uint32_t kVmcsLinkPointer = 0x2800;
inline constexpr uint32_t kGuestEfer = 0x2806;
inline constexpr uint32_t kHostEfer = 0x2c02;
inline constexpr uint32_t kPinControls = 0x4000;
inline constexpr uint32_t kPrimaryControls = 0x4002;
inline constexpr uint32_t kExitControls = 0x400c;
inline constexpr uint32_t kEntryControls = 0x4012;
inline constexpr uint32_t kSecondaryControls = 0x401e;
inline constexpr uint32_t kInstructionError = 0x4400;
inline constexpr uint32_t kExitReason = 0x4402;
inline constexpr uint32_t kExitInstructionLength = 0x440c;
inline constexpr uint32_t kGuestLimits = 0x4800;  // of the selectors' eight, then GDTR and IDTR
inline constexpr uint32_t kGuestAccessRights = 0x4814;
inline constexpr uint32_t kExitQualification = 0x6400;
inline constexpr uint32_t kGuestCr0 = 0x6800;
inline constexpr uint32_t kGuestCr3 = 0x6802;
inline constexpr uint32_t kGuestCr4 = 0x6804;
inline constexpr uint32_t kGuestDr7 = 0x681a;
inline constexpr uint32_t kGuestRsp = 0x681c;
inline constexpr uint32_t kGuestRip = 0x681e;
inline constexpr uint32_t kGuestRflags = 0x6820;
inline constexpr uint32_t kHostCr0 = 0x6c00;
inline constexpr uint32_t kHostCr3 = 0x6c02;
inline constexpr uint32_t kHostCr4 = 0x6c04;
inline constexpr uint32_t kHostTrBase = 0x6c0a;
inline constexpr uint32_t kHostGdtrBase = 0x6c0c;
inline constexpr uint32_t kHostIdtrBase = 0x6c0e;
inline constexpr uint32_t kHostRip = 0x6c16;

// MSRs.
inline constexpr uint32_t kFeatureControl = 0x3a;
inline constexpr uint32_t kVmxBasic = 0x480;
inline constexpr uint32_t kVmxSecondaryControls = 0x48b;
inline constexpr uint32_t kVmxCr0Fixed0 = 0x486, kVmxCr0Fixed1 = 0x487;
inline constexpr uint32_t kVmxCr4Fixed0 = 0x488, kVmxCr4Fixed1 = 0x489;
inline constexpr uint32_t kVmxTruePinControls = 0x48d;  // then primary, exit and entry controls

// False if the instruction failed, with or without an error number.
GUEST_INLINE bool vmxon(uint64_t region) {
    bool failed;
    asm volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region) : "memory");
    return !failed;
}

GUEST_INLINE bool vmclear(uint64_t vmcs) {
    bool failed;
    asm volatile("vmclear %1" : "=@ccbe"(failed) : "m"(vmcs) : "memory");
    return !failed;
}

GUEST_INLINE bool vmptrld(uint64_t vmcs) {
    bool failed;
    asm volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(vmcs) : "memory");
    return !failed;
}

GUEST_INLINE bool vmwrite(uint32_t field, uint64_t value) {
    bool failed;
    asm volatile("vmwrite %2, %1" : "=@ccbe"(failed) : "r"(uint64_t{field}), "r"(value));
    return !failed;
}

// False if the processor has no such field.
GUEST_INLINE bool vmread(uint32_t field, uint64_t& value) {
    bool failed;
    asm volatile("vmread %2, %1" : "=@ccbe"(failed), "=r"(value) : "r"(uint64_t{field}));
    return !failed;
}

GUEST_INLINE uint64_t vmread(uint32_t field) {
    uint64_t value = 0;
    vmread(field, value);
    return value;
}

GUEST_INLINE void vmxoff() {
    asm volatile("vmxoff" : : : "memory");
}

}  // namespace hypervisor
