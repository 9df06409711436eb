// Multiboot 2 (Multiboot2 Specification 2.0): 32-bit protected mode, paging off, EAX = magic, EBX =
// information, a list of tags.
#include <cstring>

#include "vmm/base/bytes.h"
#include "vmm/boot/boot_info_area.h"
#include "vmm/boot/loaders.h"
#include "vmm/boot/memory_map.h"
#include "vmm/boot/multiboot2_header.h"
#include "vmm/boot/multiboot_kernel.h"

namespace ringside::boot {

namespace {

constexpr std::uint32_t kMultiboot2Magic = 0x36d76289;
constexpr std::uint64_t kTagAlignment = 8;

// Tags of the boot information (3.6).
enum class InfoTag : std::uint32_t {
    End = 0,
    CommandLine = 1,
    LoaderName = 2,
    Module = 3,
    BasicMemory = 4,
    MemoryMap = 6,
    NewAcpi = 15,
};

struct MapHead {
    std::uint32_t entry_size = 24;
    std::uint32_t entry_version = 0;
};
struct Multiboot2MapEntry {
    std::uint64_t address = 0, length = 0;
    std::uint32_t type = 0, reserved = 0;
};
static_assert(sizeof(Multiboot2MapEntry) == 24);

void append_text(std::vector<std::byte>& bytes, const std::string& text) {
    const auto view = std::as_bytes(std::span(text.c_str(), text.size() + 1));
    bytes.insert(bytes.end(), view.begin(), view.end());
}

// Builds the list: total size and a reserved word, then tags, each aligned to 8 bytes.
class InfoList {
  public:
    InfoList() : bytes_(2 * sizeof(std::uint32_t)) {}

    void add(InfoTag type, std::span<const std::byte> body) {
        append(bytes_, type);
        append(bytes_, static_cast<std::uint32_t>(2 * sizeof(std::uint32_t) + body.size()));
        bytes_.insert(bytes_.end(), body.begin(), body.end());
        bytes_.resize((bytes_.size() + kTagAlignment - 1) / kTagAlignment * kTagAlignment);
    }
    void add_text(InfoTag type, const std::string& text) {
        std::vector<std::byte> body;
        append_text(body, text);
        add(type, body);
    }
    std::vector<std::byte> finish() {
        add(InfoTag::End, {});
        const auto size = static_cast<std::uint32_t>(bytes_.size());
        std::memcpy(bytes_.data(), &size, sizeof size);
        return std::move(bytes_);
    }

  private:
    std::vector<std::byte> bytes_;
};

void add_memory(const LoadContext& context, InfoList& list) {
    std::vector<std::byte> basic;
    append(basic, static_cast<std::uint32_t>(lower_memory_kib(context.memory)));
    append(basic, static_cast<std::uint32_t>(upper_memory_kib(context.memory)));
    list.add(InfoTag::BasicMemory, basic);
    std::vector<std::byte> map;
    append(map, MapHead{});
    for (const MemoryMapEntry& entry : memory_map(context.memory))
        append(map,
               Multiboot2MapEntry{entry.start.value, entry.size, static_cast<std::uint32_t>(entry.type), 0});
    list.add(InfoTag::MemoryMap, map);
}

Result<void> add_modules(const LoadContext& context, Gpa kernel_end, InfoList& list) {
    const auto placed = TRY(place_modules(context, kernel_end));
    for (const PlacedModule& module : placed) {
        std::vector<std::byte> tag;
        append(tag, module.start);
        append(tag, module.end);
        append_text(tag, module.text);
        list.add(InfoTag::Module, tag);
    }
    return {};
}

// A copy of the RSDP, which leads to the tables.
Result<void> add_acpi(const LoadContext& context, InfoList& list) {
    if (!context.rsdp)
        return {};
    std::vector<std::byte> rsdp(acpi::kRsdpSize);
    TRY(context.memory.read(*context.rsdp, rsdp));
    list.add(InfoTag::NewAcpi, rsdp);
    return {};
}

Result<Gpa> write_multiboot2_info(const LoadContext& context, Gpa kernel_end) {
    InfoList list;
    list.add_text(InfoTag::CommandLine, multiboot_command_line(context.request));
    list.add_text(InfoTag::LoaderName, "Ringside");
    TRY(add_modules(context, kernel_end, list));
    add_memory(context, list);
    TRY(add_acpi(context, list));
    BootInfoArea area(context.memory);
    return area.put_bytes(list.finish());
}

}  // namespace

Result<BootState> load_multiboot2(const LoadContext& context) {
    const auto header = TRY(parse_multiboot2_header(context.kernel));
    const auto kernel = TRY(place_multiboot_kernel(context, header.addresses, header.entry));
    const auto info = TRY(write_multiboot2_info(context, kernel.end));
    return enter_multiboot_kernel(context, Protocol::Multiboot2, kMultiboot2Magic, kernel, info);
}

}  // namespace ringside::boot
