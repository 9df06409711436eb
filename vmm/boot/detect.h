// Detects the boot protocol of a file.
#pragma once

#include <span>

#include "vmm/boot/boot_image.h"

namespace ringside::boot {

// Returns the boot protocol of `kernel`. For an ELF file the first match counts: PVH if it is 64-bit with a
// PVH note; multiboot if it has a header (version 2 if it has both); PVH if it is 32-bit with a note; Linux
// or plain ELF otherwise. Any other file is a Linux bzImage or multiboot kernel by its header, firmware by
// its reset vector, or a flat image, unless it is recognised as something that is not a kernel.
Result<Protocol> detect(std::span<std::byte> kernel);

}  // namespace ringside::boot
