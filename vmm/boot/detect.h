// Which boot protocol a file wants.
#pragma once

#include <span>

#include "vmm/boot/boot_image.h"

namespace ringside::boot {

// The protocol by which `kernel` starts. An ELF file is PVH if it is 64-bit with a PVH note; then multiboot
// if it has a header, of version 2 if it has both; then PVH if it is 32-bit with a note; then Linux or plain
// ELF. Anything else is a Linux bzImage or multiboot by its header, firmware by its reset vector, or a flat
// image, unless it is recognisably no kernel at all.
Result<Protocol> detect(std::span<std::byte> kernel);

}  // namespace ringside::boot
