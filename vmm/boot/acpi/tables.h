// The ACPI tables through which a kernel finds processors, interrupt controllers, the power-off and reset
// registers and the devices that no bus announces (ACPI 6.4, chapter 5). They are pure values; place() puts
// them where kernels search for the RSDP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "vmm/base/error.h"
#include "vmm/base/ids.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/mmio_device.h"

namespace ringside::boot::acpi {

// ACPI's fixed hardware (4.8.3) and the reset register, by their I/O ports.
struct FixedHardware {
    std::uint16_t event_block = 0;    // PM1a_STS and PM1a_EN, 4 bytes
    std::uint16_t control_block = 0;  // PM1a_CNT, 2 bytes
    std::uint16_t timer = 0;          // PM_TMR, 4 bytes, all 32 bits of which count
    std::uint8_t sci = 9;             // the interrupt of all of them
    std::uint8_t sleep_type_s5 = 0;   // SLP_TYP of power-off
    std::uint16_t reset_port = 0;
    std::uint8_t reset_value = 0;
};

struct Machine {
    std::uint32_t cpus = 1;  // APIC ids 0, 1, ...
    FixedHardware fixed;
    std::uint16_t serial_ports = 0;  // a 16550 with 8 ports
    std::uint8_t serial_irq = 0;
    std::uint16_t rtc_ports = 0;     // 2 ports
    std::uint16_t panic_port = 0;    // pvpanic
    std::uint16_t fw_cfg_ports = 0;  // 12 ports
    std::vector<machine::MmioDevice> devices;
};

// The size of the Root System Description Pointer, which leads to the other tables.
inline constexpr std::size_t kRsdpSize = 36;

// All tables in one block for address `base` (a multiple of 64 below 4 GiB), starting with the RSDP.
std::vector<std::byte> build(const Machine& machine, Gpa base);

// Builds the tables and writes them to `base`, where layout::kAcpiTablesSize bytes are reserved. Returns the
// address of the RSDP, or an error if the tables do not fit or the guest has no memory there.
Result<Gpa> place(const Machine& machine, Gpa base, const machine::GuestMemory& memory);

// The contents of the DSDT, without its header.
std::vector<std::byte> dsdt_terms(const Machine& machine);

}  // namespace ringside::boot::acpi
