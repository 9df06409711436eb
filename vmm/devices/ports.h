// The I/O port map. KVM's irqchip and PIT have more ports, which they answer by themselves
// (vmm/kvm/in_kernel_ports.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ringside::devices {

struct PortRange {
    std::uint16_t start;
    std::uint16_t size;
};

// Port 0x61 lies inside this range but belongs to the PIT.
inline constexpr PortRange kI8042Ports{0x60, 5};
inline constexpr PortRange kCmosPorts{0x70, 2};
inline constexpr PortRange kSystemControlPort{0x92, 1};
inline constexpr PortRange kDebugConsolePort{0xe9, 1};      // Bochs' "port e9 hack"
inline constexpr PortRange kDebugExitPorts{0xf4, 4};        // QEMU's isa-debug-exit, at its usual place
inline constexpr PortRange kSerialPorts{0x3f8, 8};          // COM1
inline constexpr PortRange kFirmwareConsolePort{0x402, 1};  // SeaBIOS and OVMF log here under QEMU
inline constexpr PortRange kPanicPort{0x505, 1};            // pvpanic, as QEMU places it
inline constexpr PortRange kFwCfgPorts{0x510, 12};          // as QEMU places it
inline constexpr PortRange kAcpiPmPorts{0x600, 12};         // as QEMU places it, for kernels that assume so
inline constexpr PortRange kResetPort{0xcf9, 1};

inline constexpr std::array kPortMap{
    kI8042Ports,          kCmosPorts, kSystemControlPort, kDebugConsolePort, kDebugExitPorts, kSerialPorts,
    kFirmwareConsolePort, kPanicPort, kFwCfgPorts,        kAcpiPmPorts,      kResetPort};

consteval bool sorted_and_disjoint() {
    for (std::size_t i = 1; i < kPortMap.size(); ++i) {
        if (kPortMap[i].start < kPortMap[i - 1].start + kPortMap[i - 1].size)
            return false;
    }
    return true;
}
static_assert(sorted_and_disjoint());

// ISA interrupt numbers, which are GSIs as well.
inline constexpr std::uint32_t kKeyboardIrq = 1;
inline constexpr std::uint32_t kSerialIrq = 4;
inline constexpr std::uint32_t kAcpiSci = 9;

}  // namespace ringside::devices
