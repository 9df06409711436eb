// Devices that KVM emulates itself: no access to them reaches a bus (KVM's arch/x86/kvm/i8259.c, i8254.c, ioapic.c,
// lapic.c).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "vmm/machine/layout.h"

namespace ringside::machine {

struct InKernelDevice {
    std::string_view name;
    std::uint64_t start = 0, size = 0;
};

inline constexpr std::array kInKernelPorts{
    InKernelDevice{"8259A (first)", 0x20, 2}, InKernelDevice{"8254", 0x40, 4},
    InKernelDevice{"speaker", 0x61, 1}, InKernelDevice{"8259A (second)", 0xa0, 2},
    InKernelDevice{"8259A edge/level", 0x4d0, 2}};

inline constexpr std::array kInKernelMemory{
    InKernelDevice{"I/O APIC", layout::kIoApic.value, layout::kPage},
    InKernelDevice{"local APIC", layout::kLocalApic.value, layout::kPage}};

// KVM's timer has the first interrupt line.
struct InKernelLine {
    std::string_view device;
    Gsi gsi;
};
inline constexpr std::array kInKernelLines{InKernelLine{"8254", Gsi{0}}};

}  // namespace ringside::machine
