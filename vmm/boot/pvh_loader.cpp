// PVH, the direct boot ABI of Xen that Linux and QEMU share (xen/include/public/arch-x86/hvm/start_info.h;
// Xen's docs/misc/pvh): 32-bit protected mode, paging off, EBX = hvm_start_info, entry by an ELF note.
#include <fmt/format.h>

#include <array>

#include "vmm/boot/boot_info_area.h"
#include "vmm/boot/cpu_modes.h"
#include "vmm/boot/elf_image.h"
#include "vmm/boot/linux/command_line.h"
#include "vmm/boot/loaders.h"
#include "vmm/boot/memory_map.h"
#include "vmm/boot/placement.h"

namespace ringside::boot {

namespace {

constexpr std::uint32_t kStartInfoMagic = 0x336ec578;  // "xEn3" with bit 7 of the "E" set
constexpr std::uint32_t kStartInfoVersion = 1;         // the first with a memory map

struct StartInfo {
    std::uint32_t magic = kStartInfoMagic;
    std::uint32_t version = kStartInfoVersion;
    std::uint32_t flags = 0;
    std::uint32_t module_count = 0;
    std::uint64_t modules = 0;
    std::uint64_t command_line = 0;
    std::uint64_t rsdp = 0;
    std::uint64_t memory_map = 0;
    std::uint32_t memory_map_entries = 0;
    std::uint32_t reserved = 0;
};
static_assert(sizeof(StartInfo) == 56);

struct Module {
    std::uint64_t address = 0;
    std::uint64_t size = 0;
    std::uint64_t command_line = 0;
    std::uint64_t reserved = 0;
};
static_assert(sizeof(Module) == 32);

struct PvhMapEntry {
    std::uint64_t address = 0;
    std::uint64_t size = 0;
    std::uint32_t type = 0;
    std::uint32_t reserved = 0;
};
static_assert(sizeof(PvhMapEntry) == 24);

std::vector<PvhMapEntry> map_entries(const machine::GuestMemory& memory) {
    std::vector<PvhMapEntry> entries;
    for (const MemoryMapEntry& entry : memory_map(memory))
        entries.push_back({entry.start.value, entry.size, static_cast<std::uint32_t>(entry.type), 0});
    return entries;
}

Result<void> add_initrd(const LoadContext& context, const ElfImage& image, BootInfoArea& area,
                        StartInfo& info) {
    if (context.initrd().empty())
        return {};
    const auto place = TRY(place_initrd(context.initrd(), image.end(), layout::kHole, context.memory));
    const auto list = TRY(area.put(Module{place.value, context.initrd().size(), 0, 0}));
    info.modules = list.value;
    info.module_count = 1;
    return {};
}

// Everything that EBX points to.
Result<Gpa> write_start_info(const LoadContext& context, const ElfImage& image) {
    BootInfoArea area(context.memory);
    StartInfo info;
    TRY(add_initrd(context, image, area, info));
    const auto map = map_entries(context.memory);
    auto map_place = area.put_array(map);
    if (!map_place)
        return map_place;
    auto command_line = area.put_command_line(linux_boot::is_linux(context.kernel)
                                                  ? linux_boot::command_line(context.request.command_line)
                                                  : context.request.command_line);
    if (!command_line)
        return command_line;
    info.memory_map = map_place->value;
    info.memory_map_entries = static_cast<std::uint32_t>(map.size());
    info.command_line = command_line->value;
    info.rsdp = context.rsdp.value_or(Gpa{0}).value;
    return area.put(info);
}

Result<void> place(const LoadContext& context, const ElfImage& image) {
    std::vector<Reservation> reserved(protected_mode_reservations().begin(),
                                      protected_mode_reservations().end());
    reserved.insert(reserved.end(), BootInfoArea::reservations().begin(), BootInfoArea::reservations().end());
    return place_segments(image, context.kernel, reserved, context.memory);
}

}  // namespace

Result<BootState> load_pvh(const LoadContext& context) {
    const auto image = TRY(parse_elf(context.kernel));
    if (!image.pvh_entry)
        return reject("it has no PVH note (Xen, type 18)", "Boot it by another protocol");
    const Gpa entry{*image.pvh_entry};
    if (!image.holds(entry))
        return reject(fmt::format("its PVH entry point {:#x} lies in none of its segments", entry.value),
                      "Its linker script or its note is wrong");
    if (entry >= layout::kHoleEnd)
        return reject(fmt::format("its PVH entry point {:#x} lies above 4 GiB, out of 32-bit code's reach",
                                  entry.value),
                      "Link it lower");
    TRY(place(context, image));
    const auto info = TRY(write_start_info(context, image));
    const auto system = TRY(enter_protected_mode(context.memory));

    BootState state;
    state.protocol = Protocol::Pvh;
    state.system = system;
    state.general.rip = entry.value;
    state.general.rbx = info.value;
    state.entry = entry;
    state.summary = fmt::format("PVH, entry {:#x}, {} segments up to {:#x}", entry.value,
                                image.segments.size(), image.end().value);
    return state;
}

}  // namespace ringside::boot
