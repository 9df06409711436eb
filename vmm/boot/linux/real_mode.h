// Linux's 16-bit boot protocol (Linux's Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"): the
// kernel's setup code runs in real mode and asks a BIOS about the machine. A BIOS therefore has to start it.
// It does so through an option ROM (boot_rom.S) that reads the kernel through fw_cfg.
#pragma once

#include <string>

#include "vmm/boot/loaders.h"

namespace ringside::boot::linux_boot {

// Adds the parts of the kernel, the ROM and its boot priority to `items`. Returns a one-line summary. Fails
// if the kernel is not a bzImage or does not fit.
Result<std::string> offer_to_firmware(const LoadContext& context, machine::FwCfgItems& items);

}  // namespace ringside::boot::linux_boot
