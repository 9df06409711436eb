// What firmware reads through fw_cfg: files with the names that SeaBIOS knows (its docs/Runtime_config.md),
// and a command for its loader of ACPI tables (QEMU's include/hw/acpi/bios-linker-loader.h).
#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "vmm/base/bytes.h"
#include "vmm/boot/firmware.h"
#include "vmm/boot/memory_map.h"
#include "vmm/machine/layout.h"

namespace ringside::boot {

namespace {

using machine::FwCfgKey;
using Bytes = std::vector<std::byte>;

Bytes bytes_of_text(std::string_view text) {
    const auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
}

constexpr const char* kRsdpFile = "etc/acpi/rsdp";

// A command of "etc/table-loader": allocate memory for a file and copy it there.
struct [[gnu::packed]] AllocateCommand {
    std::uint32_t command = 1;
    char file[56] = {};
    std::uint32_t alignment = 16;
    std::uint8_t zone = 2;  // the BIOS area, where kernels search for an RSDP
    std::uint8_t padding[63] = {};
};
static_assert(sizeof(AllocateCommand) == 128);

// The tables hold addresses and cannot be moved. Only the RSDP goes where the firmware puts it.
bool offer_acpi(const acpi::Machine& machine, Gpa base, const machine::GuestMemory& memory,
                machine::FwCfgItems& items) {
    Bytes rsdp(acpi::kRsdpSize);
    if (base <= layout::kHighMemory || !acpi::place(machine, base, memory) || !memory.read(base, rsdp))
        return false;
    AllocateCommand command;
    std::strncpy(command.file, kRsdpFile, sizeof command.file - 1);
    items.put_file(kRsdpFile, std::move(rsdp));
    items.put_file("etc/table-loader", bytes_of(command));
    return true;
}

// RAM without subdivision: the firmware itself divides the part below 1 MiB. [low_end, end of RAM) holds the
// tables.
Bytes e820(const machine::GuestMemory& memory, Gpa low_end) {
    Bytes map;
    const auto add = [&map](Gpa start, Gpa end, MemoryType type) {
        if (start < end)
            append(map, E820Entry{start.value, end - start, static_cast<std::uint32_t>(type)});
    };
    for (const machine::MemoryRegion& region : memory.regions()) {
        if (region.read_only())
            continue;
        const bool low = region.start() == Gpa{0};
        add(region.start(), low ? low_end : region.end(), MemoryType::Ram);
        if (low)
            add(low_end, region.end(), MemoryType::Reserved);
    }
    add(layout::kKvmIdentityMap, layout::kKvmTss + 3 * layout::kPage, MemoryType::Reserved);
    return map;
}

}  // namespace

void describe_machine(std::uint32_t cpus, const machine::GuestMemory& memory, machine::FwCfgItems& items) {
    const auto count = static_cast<std::uint16_t>(cpus);
    items.put(FwCfgKey::Signature, bytes_of_text("QEMU"));
    items.put(FwCfgKey::Features, bytes_of(machine::kFwCfgFeatures));
    items.put(FwCfgKey::RamSize, bytes_of(memory.ram_size()));
    items.put(FwCfgKey::CpuCount, bytes_of(count));
    items.put(FwCfgKey::MaximumCpuCount, bytes_of(count));
}

void describe_to_firmware(const BootRequest& request, const machine::GuestMemory& memory,
                          machine::FwCfgItems& items) {
    const Gpa end = end_of_low_ram(memory);
    Gpa left = end;
    if (request.acpi && end.value > layout::kAcpiTablesSize) {
        const Gpa tables{end.value - layout::kAcpiTablesSize};
        if (offer_acpi(*request.acpi, tables, memory, items))
            left = tables;
    }
    items.put_file("etc/e820", e820(memory, left));
    // There is no display: SeaBIOS then draws its screen on the serial line and reads keys from it. Its log
    // has a port of its own, so messages need not go to both.
    if (request.acpi && request.acpi->serial_ports != 0) {
        items.put_file("etc/sercon-port", bytes_of(std::uint64_t{request.acpi->serial_ports}));
        items.put_file("etc/screen-and-debug", bytes_of(std::uint64_t{0}));
    }
}

}  // namespace ringside::boot
