// Flat images: the file's bytes at a low address, entered in real mode as a BIOS enters a boot sector.
//
// Initial state: CS:IP is 0000:load address below 64 KiB, and load address / 16 : load address % 16 above.
// DS, ES, FS, GS and SS are 0, SP is the load address or 0x7c00, whichever is lower, so that the stack grows
// away from the image. DL is 0x80, the first hard disk, but there is no BIOS to read it: the interrupt vector
// table is empty.
#include <fmt/format.h>

#include <algorithm>

#include "vmm/boot/cpu_modes.h"
#include "vmm/boot/loaders.h"
#include "vmm/boot/placement.h"
#include "vmm/machine/layout.h"

namespace ringside::boot {

namespace {

constexpr std::uint64_t kFirstHardDisk = 0x80;
constexpr std::uint64_t kSegmentReach = 64 * layout::kKiB;

}  // namespace

Result<BootState> load_flat(const LoadContext& context) {
    const Gpa start = context.request.load_address.value_or(layout::kFlatImage);
    const std::uint64_t size = context.kernel.size();
    if (start >= layout::kEbda || size > layout::kEbda - start)
        return reject(
            fmt::format("as a flat image of {} bytes at {:#x} it does not fit below the EBDA at {:#x}", size,
                        start.value, layout::kEbda.value),
            "Give an ELF, multiboot or PVH kernel, or a lower --load-addr");
    const auto bytes = TRY(claim(context.memory, "the flat image", start, size));
    std::copy(context.kernel.begin(), context.kernel.end(), bytes.begin());

    const bool low = start.value < kSegmentReach;
    BootState state;
    state.protocol = Protocol::Flat;
    state.system = real_mode(low ? std::uint16_t{0} : static_cast<std::uint16_t>(start.value >> 4));
    state.general.rip = low ? start.value : start.value & 0xf;
    state.general.rsp = std::min(start, layout::kFlatImage).value;
    state.general.rdx = kFirstHardDisk;
    state.entry = start;
    state.summary = fmt::format("flat image in real mode, {} bytes at {:#x}", size, start.value);
    return state;
}

}  // namespace ringside::boot
