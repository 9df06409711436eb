// ELF files without a boot protocol: segments at their physical addresses, entered at e_entry in flat 32-bit
// protected mode or, for ELF64, in 64-bit mode with the first 4 GiB identity-mapped. Interrupts are off. Only
// RSP has a defined value: a small stack below 0x7c00, large enough until the kernel sets up its own.
#include <fmt/format.h>

#include "vmm/boot/cpu_modes.h"
#include "vmm/boot/elf_image.h"
#include "vmm/boot/loaders.h"
#include "vmm/boot/placement.h"
#include "vmm/machine/layout.h"

namespace ringside::boot {

Result<BootState> load_elf(const LoadContext& context) {
    const auto image = TRY(parse_elf(context.kernel));
    const auto entry = image.physical_entry();
    if (!entry)
        return reject(fmt::format("its entry point {:#x} lies in none of its segments", image.entry),
                      "Its linker script is wrong");
    if (image.is_64 && *entry >= layout::kHoleEnd)
        return reject(fmt::format("its entry point {:#x} lies above the 4 GiB that are mapped at the start",
                                  entry->value),
                      "Link it lower");

    const auto reserved = image.is_64 ? long_mode_reservations() : protected_mode_reservations();
    TRY(place_segments(image, context.kernel, reserved, context.memory));
    auto system = TRY(image.is_64 ? enter_long_mode(context.memory) : enter_protected_mode(context.memory));

    BootState state;
    state.protocol = image.is_64 ? Protocol::Elf64 : Protocol::Elf32;
    state.system = system;
    state.general.rip = entry->value;
    state.general.rsp = layout::kFlatImage.value;
    state.entry = *entry;
    state.summary = fmt::format("{}, entry {:#x}, {} segments up to {:#x}", protocol_name(state.protocol),
                                entry->value, image.segments.size(), image.end().value);
    return state;
}

}  // namespace ringside::boot
