// Devices that KVM emulates itself: no access to them reaches a bus (KVM's arch/x86/kvm/i8259.c, i8254.c, ioapic.c,
// lapic.c).
#pragma once

#include <array>

#include "vmm/kvm/in_kernel_ports.h"
#include "vmm/machine/layout.h"

namespace ringside::machine {

using kvm::InKernelDevice, kvm::kInKernelPorts;

inline constexpr std::array kInKernelMemory{
    InKernelDevice{"I/O APIC", "IOAPIC", layout::kIoApic.value, layout::kPage},
    InKernelDevice{"local APIC", "local APIC", layout::kLocalApic.value, layout::kPage}};

// KVM's timer has the first interrupt line.
struct InKernelLine {
    std::string_view device;
    Gsi gsi;
};
inline constexpr std::array kInKernelLines{InKernelLine{"8254", Gsi{0}}};

}  // namespace ringside::machine
