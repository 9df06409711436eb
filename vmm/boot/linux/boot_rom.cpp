#include "vmm/boot/linux/boot_rom.h"

extern "C" {
extern const unsigned char ringside_boot_rom_start[];
extern const unsigned char ringside_boot_rom_end[];
}

namespace ringside::boot::linux_boot {

std::span<const unsigned char> boot_rom() {
    return {ringside_boot_rom_start, ringside_boot_rom_end};
}

}  // namespace ringside::boot::linux_boot
