#include "vmm/boot/multiboot_kernel.h"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/boot/bios_data_area.h"
#include "vmm/boot/boot_info_area.h"
#include "vmm/boot/cpu_modes.h"
#include "vmm/boot/elf_image.h"
#include "vmm/boot/placement.h"
#include "vmm/machine/layout.h"

namespace ringside::boot {

namespace {

std::vector<Reservation> reservations() {
    std::vector<Reservation> all(protected_mode_reservations().begin(), protected_mode_reservations().end());
    all.insert(all.end(), BootInfoArea::reservations().begin(), BootInfoArea::reservations().end());
    all.insert(all.end(), bios_data_reservations().begin(), bios_data_reservations().end());
    return all;
}

// The header's own addresses as an image of one segment (Multiboot 1, 3.1.3).
Result<ElfImage> image_from_addresses(const MultibootAddresses& header, std::uint64_t file_size) {
    if (header.load_address > header.header_address ||
        header.header_address - header.load_address > header.header_offset)
        return reject(
            fmt::format("its multiboot header's load address {:#x} does not fit its header address {:#x} at "
                        "file offset {:#x}",
                        header.load_address, header.header_address, header.header_offset),
            "Its header is wrong");
    ElfSegment segment;
    segment.file_offset = header.header_offset - (header.header_address - header.load_address);
    segment.physical = Gpa{header.load_address};
    segment.virtual_address = header.load_address;
    if (header.load_end != 0 && header.load_end < header.load_address)
        return reject(fmt::format("its multiboot header loads up to {:#x}, below its start {:#x}",
                                  header.load_end, header.load_address),
                      "Its header is wrong");
    const std::uint64_t available = file_size - segment.file_offset;
    segment.file_size = header.load_end != 0 ? header.load_end - header.load_address : available;
    if (segment.file_size > available)
        return reject(
            fmt::format("it is truncated: its multiboot header loads {:#x} bytes from offset {:#x}, the file "
                        "has {:#x}",
                        segment.file_size, segment.file_offset, file_size),
            "Build or copy it again");
    const std::uint64_t bss_end =
        header.bss_end > header.load_address ? header.bss_end - header.load_address : 0;
    segment.memory_size = std::max(segment.file_size, bss_end);
    ElfImage image;
    image.segments.push_back(segment);
    return image;
}

}  // namespace

Result<MultibootKernel> place_multiboot_kernel(const LoadContext& context,
                                               const std::optional<MultibootAddresses>& addresses,
                                               std::optional<std::uint32_t> given_entry) {
    auto image =
        TRY(addresses ? image_from_addresses(*addresses, context.kernel.size()) : parse_elf(context.kernel));
    // The header's entry is already a physical address.
    const std::optional<Gpa> entry = given_entry ? Gpa{*given_entry} : image.physical_entry();
    if (!entry || !image.holds(*entry))
        return reject(fmt::format("its entry point {:#x} lies in none of its segments",
                                  given_entry.value_or(image.entry)),
                      "Its linker script or its multiboot header is wrong");
    if (*entry >= layout::kHoleEnd)
        return reject(
            fmt::format("its entry point {:#x} lies above 4 GiB, out of 32-bit code's reach", entry->value),
            "Link it lower");
    TRY(place_segments(image, context.kernel, reservations(), context.memory));
    TRY(write_bios_data_area(context.memory));
    return MultibootKernel{*entry, image.end()};
}

Result<std::vector<PlacedModule>> place_modules(const LoadContext& context, Gpa kernel_end) {
    std::vector<PlacedModule> placed;
    Gpa below = layout::kHole;
    for (std::size_t i = 0; i < context.modules.size(); ++i) {
        const auto& contents = context.modules[i];
        const auto place = TRY(place_initrd(contents, kernel_end, below, context.memory));
        below = place;
        const auto& named = context.request.modules;
        placed.push_back({static_cast<std::uint32_t>(place.value),
                          static_cast<std::uint32_t>(place.value + contents.size()),
                          i < named.size() ? named[i].text : std::string()});
    }
    return placed;
}

Result<BootState> enter_multiboot_kernel(const LoadContext& context, Protocol protocol, std::uint32_t magic,
                                         const MultibootKernel& kernel, Gpa info) {
    const auto system = TRY(enter_protected_mode(context.memory));
    BootState state;
    state.protocol = protocol;
    state.system = system;
    state.general.rip = kernel.entry.value;
    state.general.rax = magic;
    state.general.rbx = info.value;
    state.entry = kernel.entry;
    state.summary = fmt::format("{}, entry {:#x}, loaded up to {:#x}", protocol_name(protocol),
                                kernel.entry.value, kernel.end.value);
    return state;
}

std::string multiboot_command_line(const BootRequest& request) {
    std::string text = request.kernel.string();
    if (!request.command_line.empty())
        text += " " + request.command_line;
    return text;
}

}  // namespace ringside::boot
