// Linux's 16-bit boot protocol (Linux's Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"): the
// kernel's own setup code runs in real mode and asks a BIOS about the machine. So a BIOS has to start it,
// which it does through an option ROM of ours (boot_rom.S) that fetches the pieces through fw_cfg.
#pragma once

#include <string>

#include "vmm/boot/loaders.h"

namespace ringside::boot::linux_boot {

// Puts the kernel's pieces, the ROM and the wish to be booted first into `items`. Returns what to say of it
// in one line. Fails if the kernel is no bzImage, or does not fit.
Result<std::string> offer_to_firmware(const LoadContext& context, machine::FwCfgItems& items);

}  // namespace ringside::boot::linux_boot
