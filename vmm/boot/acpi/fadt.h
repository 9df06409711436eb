// Fixed ACPI Description Table.
#pragma once

#include <cstddef>
#include <vector>

#include "vmm/boot/acpi/tables.h"

namespace ringside::boot::acpi {

std::vector<std::byte> make_fadt(const FixedHardware& fixed, Gpa dsdt, Gpa facs);

}  // namespace ringside::boot::acpi
