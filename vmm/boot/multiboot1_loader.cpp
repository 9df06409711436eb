// Multiboot 1 (Multiboot Specification 0.6.96): 32-bit protected mode, paging off, EAX = magic, EBX =
// information. A 64-bit ELF file with a header is also entered in 32-bit mode, as under GRUB 2. A request for
// a video mode is ignored, as in QEMU.
#include <fmt/format.h>

#include "vmm/boot/boot_info_area.h"
#include "vmm/boot/loaders.h"
#include "vmm/boot/memory_map.h"
#include "vmm/boot/multiboot1_header.h"
#include "vmm/boot/multiboot_kernel.h"

namespace ringside::boot {

namespace {

constexpr std::uint32_t kMultiboot1Magic = 0x2badb002;
constexpr std::uint32_t kKnownRequirements =
    Multiboot1Header::kPageAlign | Multiboot1Header::kMemoryInfo | Multiboot1Header::kVideoMode;

// Which fields of the information are valid (specification, 3.3).
constexpr std::uint32_t kHasMemory = 1U << 0;
constexpr std::uint32_t kHasCommandLine = 1U << 2;
constexpr std::uint32_t kHasModules = 1U << 3;
constexpr std::uint32_t kHasMemoryMap = 1U << 6;
constexpr std::uint32_t kHasLoaderName = 1U << 9;

struct Info {
    std::uint32_t flags = 0;
    std::uint32_t memory_lower_kib = 0;
    std::uint32_t memory_upper_kib = 0;
    std::uint32_t boot_device = 0;
    std::uint32_t command_line = 0;
    std::uint32_t module_count = 0;
    std::uint32_t modules = 0;
    std::uint32_t symbols[4] = {};
    std::uint32_t memory_map_size = 0;
    std::uint32_t memory_map = 0;
    std::uint32_t drives_size = 0;
    std::uint32_t drives = 0;
    std::uint32_t config_table = 0;
    std::uint32_t loader_name = 0;
    std::uint32_t apm_table = 0;
    std::uint32_t vbe[4] = {};
    std::uint32_t framebuffer[7] = {};
};
static_assert(sizeof(Info) == 116);

struct [[gnu::packed]] Multiboot1MapEntry {
    std::uint32_t size = 20;  // of what follows
    std::uint64_t address = 0;
    std::uint64_t length = 0;
    std::uint32_t type = 0;
};
static_assert(sizeof(Multiboot1MapEntry) == 24);

struct Module {
    std::uint32_t start = 0;
    std::uint32_t end = 0;
    std::uint32_t command_line = 0;
    std::uint32_t reserved = 0;
};

// The layout keeps all addresses below 4 GiB.
std::uint32_t address32(Gpa place) {
    return static_cast<std::uint32_t>(place.value);
}

Result<void> add_modules(const LoadContext& context, Gpa kernel_end, BootInfoArea& area, Info& info) {
    if (context.modules.empty())
        return {};
    std::vector<Module> modules;
    const auto placed = TRY(place_modules(context, kernel_end));
    for (const PlacedModule& module : placed) {
        const auto text = TRY(area.put_string(module.text));
        modules.push_back({module.start, module.end, address32(text), 0});
    }
    const auto list = TRY(area.put_array(modules));
    info.flags |= kHasModules;
    info.module_count = static_cast<std::uint32_t>(modules.size());
    info.modules = address32(list);
    return {};
}

Result<void> add_memory(const LoadContext& context, BootInfoArea& area, Info& info) {
    std::vector<Multiboot1MapEntry> entries;
    for (const MemoryMapEntry& entry : memory_map(context.memory))
        entries.push_back({20, entry.start.value, entry.size, static_cast<std::uint32_t>(entry.type)});
    const auto place = TRY(area.put_array(entries));
    info.flags |= kHasMemory | kHasMemoryMap;
    info.memory_lower_kib = static_cast<std::uint32_t>(lower_memory_kib(context.memory));
    info.memory_upper_kib = static_cast<std::uint32_t>(upper_memory_kib(context.memory));
    info.memory_map = address32(place);
    info.memory_map_size = static_cast<std::uint32_t>(entries.size() * sizeof(Multiboot1MapEntry));
    return {};
}

Result<void> add_strings(const LoadContext& context, BootInfoArea& area, Info& info) {
    const auto command_line = TRY(area.put_command_line(multiboot_command_line(context.request)));
    const auto loader = TRY(area.put_string("Ringside"));
    info.flags |= kHasCommandLine | kHasLoaderName;
    info.command_line = address32(command_line);
    info.loader_name = address32(loader);
    return {};
}

Result<Gpa> write_multiboot1_info(const LoadContext& context, Gpa kernel_end) {
    BootInfoArea area(context.memory);
    Info info;
    TRY(add_memory(context, area, info));
    TRY(add_strings(context, area, info));
    TRY(add_modules(context, kernel_end, area, info));
    return area.put(info);
}

}  // namespace

Result<BootState> load_multiboot1(const LoadContext& context) {
    const auto header = find_multiboot1_header(context.kernel);
    if (!header)
        return reject("it has no multiboot 1 header in its first 8 KiB", "Boot it by another protocol");
    if (const std::uint32_t unknown = header->flags & Multiboot1Header::kRequiredMask & ~kKnownRequirements)
        return reject(
            fmt::format("its multiboot header requires features that do not exist (flags {:#x})", unknown),
            "Its header is wrong");
    const auto loaded = TRY(place_multiboot_kernel(
        context, header->has_addresses() ? std::optional(header->addresses) : std::nullopt,
        header->has_addresses() ? std::optional(header->entry) : std::nullopt));
    const auto info = TRY(write_multiboot1_info(context, loaded.end));
    return enter_multiboot_kernel(context, Protocol::Multiboot1, kMultiboot1Magic, loaded, info);
}

}  // namespace ringside::boot
