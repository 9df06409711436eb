// Multiple APIC Description Table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ringside::boot::acpi {

// Describes processors with APIC ids from 0 on and one I/O APIC with GSIs from 0 on. KVM routes GSI n to pin
// n, so the timer is not on pin 2 as on most PCs.
std::vector<std::byte> make_madt(std::uint32_t cpus, std::uint8_t sci);

}  // namespace ringside::boot::acpi
