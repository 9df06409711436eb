// Linux (Linux's Documentation/arch/x86/boot.rst): a bzImage, entered through its own decompressor or as the
// kernel that is packed in it, and a vmlinux, entered at its 64-bit entry.
//
// The packed kernel is preferred: unpacking it in the monitor takes a tenth of a second, and the debugger
// then knows where KASLR moves the kernel before the first instruction.
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "vmm/boot/elf_image.h"
#include "vmm/boot/linux/command_line.h"
#include "vmm/boot/linux/handover.h"
#include "vmm/boot/linux/payload.h"
#include "vmm/boot/linux/relocations.h"
#include "vmm/boot/linux/setup_header.h"
#include "vmm/boot/loaders.h"
#include "vmm/boot/placement.h"
#include "vmm/machine/layout.h"

namespace ringside::boot {

namespace {

using namespace linux_boot;

// Linux of an older version could be entered in protected mode, but other programs that use its header, such
// as iPXE, cannot.
constexpr std::uint16_t kWith32BitEntry = 0x208;

// A vmlinux and what the file around it says about it.
struct Vmlinux {
    std::span<std::byte> file;
    ElfImage image;
    Gpa start;                    // lowest physical address
    std::uint64_t init_size = 0;  // bytes from `start`
    std::uint64_t alignment = 2 * layout::kMiB;
};

Result<Vmlinux> parse_vmlinux(std::span<std::byte> file) {
    auto image = TRY(parse_elf(file));
    const auto entry = image.physical_entry();
    if (!image.is_64 || !entry || *entry >= layout::kHoleEnd)
        return reject(fmt::format("its entry point {:#x} is no 64-bit kernel's", image.entry),
                      "Boot it by another protocol");
    Vmlinux vmlinux{file, std::move(image), {}};
    vmlinux.start = std::ranges::min(vmlinux.image.segments, {}, &ElfSegment::physical).physical;
    vmlinux.init_size = vmlinux.image.end() - vmlinux.start;
    return vmlinux;
}

Result<std::uint64_t> requested_slide(std::uint64_t slide, std::uint64_t greatest, std::uint64_t alignment) {
    if (slide % alignment != 0 || slide > greatest)
        return reject(
            fmt::format("it cannot be moved by {:#x}", slide),
            fmt::format("--kaslr-slide takes multiples of {:#x} up to {:#x} for it", alignment, greatest));
    return slide;
}

// The distance of the kernel from its link address: the user's choice, or random unless `nokaslr` is given.
Result<std::uint64_t> choose_slide(const BootRequest& request, const Vmlinux& vmlinux, bool movable) {
    const std::uint64_t greatest =
        movable ? greatest_slide(vmlinux.start, vmlinux.init_size, vmlinux.alignment) : 0;
    if (request.kaslr_slide)
        return requested_slide(*request.kaslr_slide, greatest, vmlinux.alignment);
    if (has_parameter(request.command_line, "nokaslr"))
        return 0;
    std::random_device random;
    std::uniform_int_distribution<std::uint64_t> slots(0, greatest / vmlinux.alignment);
    return slots(random) * vmlinux.alignment;
}

Result<void> move_by(std::uint64_t slide, const Relocations& relocations, const Vmlinux& vmlinux,
                     const machine::GuestMemory& memory) {
    if (slide == 0)
        return {};
    const auto bytes = TRY(claim(memory, "the kernel", vmlinux.start, vmlinux.image.end() - vmlinux.start));
    return apply_relocations(relocations, slide, vmlinux.start, bytes);
}

// Places and relocates the segments, and enters them through `handover`.
Result<BootState> enter_vmlinux(const LoadContext& context, const Vmlinux& vmlinux, Handover handover,
                                const Relocations& relocations) {
    context.log.begin(fmt::format("place {:.1f} MiB of kernel", mib(vmlinux.init_size)));
    const auto reserved = reservations();
    TRY(place_segments(vmlinux.image, vmlinux.file, reserved, context.memory));
    const auto slide = TRY(choose_slide(context.request, vmlinux, !relocations.empty()));
    TRY(move_by(slide, relocations, vmlinux, context.memory));
    handover.entry = *vmlinux.image.physical_entry();
    handover.end = vmlinux.start + vmlinux.init_size;
    handover.moved = slide != 0;
    auto state = hand_over(context, handover);
    if (!state)
        return state;
    state->kaslr_slide = slide;
    state->first_segment = vmlinux.image.segments.front().virtual_address + slide;
    state->summary = fmt::format("{}, 64-bit entry {:#x}, up to {:#x}", protocol_name(state->protocol),
                                 handover.entry.value, handover.end.value);
    if (slide != 0)
        state->summary += fmt::format(", moved by {:#x} (KASLR)", slide);
    return state;
}

Result<BootState> load_payload(const LoadContext& context, const BzImage& image) {
    const auto packing = packing_of(image.payload);
    context.log.begin(fmt::format("unpack {:.1f} MiB of {}", mib(image.payload.size()),
                                  packing ? packing_name(*packing) : "unknown packing"));
    auto bytes = TRY(unpack(image.payload, image.init_size));
    auto vmlinux = TRY(parse_vmlinux(bytes));
    vmlinux.init_size = std::max(vmlinux.init_size, image.init_size);
    vmlinux.alignment = std::max(image.alignment, 2 * layout::kMiB);
    Handover handover;
    handover.header = image.header;
    handover.initrd_end = image.initrd_end;
    handover.command_line_size = image.command_line_size;
    return enter_vmlinux(context, vmlinux, handover, find_relocations(bytes));
}

Result<BootState> load_decompressor(const LoadContext& context, const BzImage& image) {
    if (context.request.kaslr_slide)
        return reject("its own decompressor moves the kernel by chance",
                      "Leave --kaslr-slide away, or give --append nokaslr instead");
    context.log.begin(
        fmt::format("place {:.1f} MiB of decompressor and packed kernel", mib(image.code.size())));
    const auto room = TRY(claim(context.memory, "the kernel", image.preferred_address, image.init_size));
    std::ranges::copy(image.code, room.begin());
    Handover handover;
    handover.header = image.header;
    handover.in_64_bit_mode = image.has_64_bit_entry;
    handover.entry = image.preferred_address + (image.has_64_bit_entry ? kEntry64 : 0);
    handover.end = image.preferred_address + image.init_size;
    handover.initrd_end = image.initrd_end;
    handover.command_line_size = image.command_line_size;
    auto state = hand_over(context, handover);
    if (state)
        state->summary =
            fmt::format("{}, its decompressor's {}-bit entry {:#x}", protocol_name(state->protocol),
                        image.has_64_bit_entry ? 64 : 32, handover.entry.value);
    return state;
}

}  // namespace

Result<BootState> load_linux_bzimage(const LoadContext& context) {
    const auto image = TRY(parse_bzimage(context.kernel));
    if (image.version < kWith32BitEntry && context.request.linux_entry == LinuxEntry::Auto)
        return reject(
            fmt::format("it speaks version {}.{:02} of Linux's boot protocol, which knows its 16-bit "
                        "setup code as its only entry",
                        image.version >> 8, image.version & 0xff),
            "Let a BIOS start it: --firmware /usr/share/seabios/bios-256k.bin; or try its 32-bit "
            "entry: --linux-entry decompressor");
    // The payload of a 32-bit kernel has no documented entry. LZO is not supported.
    const bool understood = image.has_64_bit_entry && packing_of(image.payload);
    const LinuxEntry entry = context.request.linux_entry;
    if (entry == LinuxEntry::Payload || (entry == LinuxEntry::Auto && understood))
        return load_payload(context, image);
    return load_decompressor(context, image);
}

Result<BootState> load_linux_elf(const LoadContext& context) {
    const auto vmlinux = TRY(parse_vmlinux(context.kernel));
    Handover handover;
    handover.protocol = Protocol::LinuxElf;
    handover.initrd_end = layout::kHole;
    handover.command_line_size = layout::kCommandLineSize - 1;
    // The file has relocations if it comes from a bzImage. It is moved only on request, because its other
    // entry, PVH, does not move it either.
    return enter_vmlinux(context, vmlinux, handover,
                         context.request.kaslr_slide ? find_relocations(context.kernel) : Relocations{});
}

}  // namespace ringside::boot
