#include "vmm/boot/linux/boot_rom.h"

extern "C" {
extern const unsigned char kBootRomStart[];
extern const unsigned char kBootRomEnd[];
}

namespace ringside::boot::linux_boot {

std::span<const unsigned char> boot_rom() {
    return {kBootRomStart, kBootRomEnd};
}

}  // namespace ringside::boot::linux_boot
