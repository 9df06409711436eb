// The layout of the guest-physical address space: every constant that a device, a loader or a table needs,
// and the reason for its value.
#pragma once

#include <cstdint>

#include "vmm/base/ids.h"

namespace ringside::layout {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;
inline constexpr std::uint64_t kPage = 4 * kKiB;

// Conventional memory ends at the EBDA, as on a PC; [kEbda, kHighMemory) is reserved in the memory map.
inline constexpr Gpa kEbda{0x9fc00};
inline constexpr Gpa kBiosArea{0xe0000};
inline constexpr Gpa kHighMemory{kMiB};

// RAM ends at 3 GiB and continues at 4 GiB. The hole between holds the following.
inline constexpr Gpa kHole{3 * kGiB};
inline constexpr Gpa kHoleEnd{4 * kGiB};

// virtio-mmio transports, one page and one interrupt line each. Lines from 16 on belong to no ISA device and
// are level-triggered, active high. The DSDT describes them in the same way.
inline constexpr Gpa kVirtioMmio{0xd0000000};
inline constexpr std::uint64_t kVirtioMmioSlots = 8;
inline constexpr Gsi kVirtioFirstGsi{16};

// In-kernel irqchip (KVM places them here).
inline constexpr Gpa kIoApic{0xfec00000};
inline constexpr Gpa kLocalApic{0xfee00000};

// Three pages for KVM_SET_TSS_ADDR and one for KVM_SET_IDENTITY_MAP_ADDR: Intel hosts without unrestricted
// guest need them outside RAM. 16 MiB below 4 GiB is left for firmware.
inline constexpr Gpa kKvmTss{0xfeffd000};
inline constexpr Gpa kKvmIdentityMap{0xfeffc000};
inline constexpr Gpa kFirmwareMaximum{0xff000000};

static_assert(kVirtioMmio >= kHole && kVirtioMmio + kVirtioMmioSlots * kPage <= kIoApic);
static_assert(kIoApic + kPage <= kLocalApic && kLocalApic + kPage <= kKvmIdentityMap);
static_assert(kKvmIdentityMap + kPage <= kKvmTss && kKvmTss + 3 * kPage <= kFirmwareMaximum);

// Addresses of boot structures, all below kEbda. None is at kFlatImage, where real-mode images load.
inline constexpr Gpa kBootGdt{0x500};
inline constexpr Gpa kFlatImage{0x7c00};
inline constexpr Gpa kBootInfo{
    0x10000};  // multiboot info, hvm_start_info or zero page, and their tables: 64 KiB
inline constexpr std::uint64_t kBootInfoSize = 64 * kKiB;
inline constexpr Gpa kCommandLine{0x20000};
inline constexpr std::uint64_t kCommandLineSize = 4 * kKiB;
inline constexpr Gpa kBootPageTables{0x30000};  // PML4, PDPT and four page directories: identity map of 4 GiB
inline constexpr std::uint64_t kBootPageTablesSize = 6 * kPage;

static_assert(kBootInfo + kBootInfoSize <= kCommandLine);
static_assert(kCommandLine + kCommandLineSize <= kBootPageTables);
static_assert(kBootPageTables + kBootPageTablesSize <= kEbda);

// ACPI tables: in the BIOS area, where kernels search for the RSDP.
inline constexpr Gpa kAcpiTables{0xe0000};
inline constexpr std::uint64_t kAcpiTablesSize = 64 * kKiB;

}  // namespace ringside::layout
