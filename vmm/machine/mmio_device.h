// A device that no bus announces. vmm/boot/acpi describes it in the DSDT.
#pragma once

#include <cstdint>
#include <string>

#include "vmm/base/ids.h"

namespace ringside::machine {

struct MmioDevice {
    std::string hid;        // ACPI hardware id: "LNRO0005" for virtio-mmio
    std::uint32_t uid = 0;  // distinguishes devices with the same hid
    Gpa base;
    std::uint64_t size = 0;  // bytes
    Gsi gsi;                 // level-triggered, active high
};

}  // namespace ringside::machine
