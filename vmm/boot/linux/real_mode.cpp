#include "vmm/boot/linux/real_mode.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "vmm/base/bytes.h"
#include "vmm/boot/acpi/table.h"
#include "vmm/boot/linux/boot_rom.h"
#include "vmm/boot/linux/command_line.h"
#include "vmm/boot/linux/setup_header.h"
#include "vmm/boot/placement.h"
#include "vmm/machine/layout.h"

namespace ringside::boot::linux_boot {

namespace {

using machine::FwCfgItems;
using machine::FwCfgKey;
using Bytes = std::vector<std::byte>;

// The setup code, its heap and its stack share one segment. The ROM enters it with SP at kStackTop.
constexpr Gpa kSetup{0x10000};
constexpr std::uint64_t kSetupEntry = 0x200;
constexpr std::uint64_t kStackTop = 0xe000;
constexpr std::uint64_t kStackSize = 0x200;  // kHeapEnd is relative to kSetup, less this (boot.rst)
constexpr std::uint64_t kLongestSetup = 0x8000;
constexpr Gpa kCode = layout::kHighMemory;  // the kernel moves itself to the address that it prefers
// The memory at the top of RAM that is reserved for firmware: the ACPI tables and its own data, of which
// SeaBIOS has at most 256 KiB.
constexpr std::uint64_t kFirmwareTop = layout::kAcpiTablesSize + layout::kMiB;

constexpr const char* kRomFile = "genroms/linux.bin";
constexpr const char* kRomInBootOrder = "/rom@genroms/linux.bin";

struct Pieces {
    Bytes setup;
    Bytes code;
    Bytes command_line;
    Bytes initrd;
    Gpa initrd_place;
};

// An image without a packed kernel is not Linux but another program with Linux's header, such as iPXE, which
// does not understand Linux's parameters.
Result<std::string> choose_command_line(const BootRequest& request, const BzImage& image) {
    return fitting_command_line(
        image.payload.empty() ? request.command_line : command_line(request.command_line),
        std::min(image.command_line_size, layout::kCommandLineSize - 1));
}

Result<Gpa> choose_initrd_place(const LoadContext& context, const BzImage& image) {
    if (context.initrd().empty())
        return Gpa{0};
    const Gpa kernel_end = std::max(kCode + image.code.size(), image.preferred_address + image.init_size);
    return find_initrd_place(context.initrd().size(), kernel_end, image.initrd_end, context.memory,
                             kFirmwareTop);
}

Result<void> check_request(const BootRequest& request, const BzImage& image) {
    if (request.kaslr_slide)
        return reject("its own code moves it by chance when firmware starts it",
                      "Leave --kaslr-slide away, or give --append nokaslr instead");
    if (request.linux_entry != LinuxEntry::Auto)
        return reject("firmware enters it by its 16-bit entry", "Leave --linux-entry or --firmware away");
    if (image.setup.size() > kLongestSetup)
        return reject(fmt::format("its setup code of {} bytes is longer than the {} that the protocol allows",
                                  image.setup.size(), kLongestSetup));
    return {};
}

// A copy of the setup code with the loader's fields filled in.
Bytes filled_setup(const BzImage& image, const Pieces& pieces) {
    Bytes setup(image.setup.begin(), image.setup.end());
    const auto flags = std::to_integer<std::uint8_t>(setup[field::kLoadFlags]);
    store_at(setup, field::kTypeOfLoader, kUnknownLoader);
    store_at(setup, field::kLoadFlags, static_cast<std::uint8_t>(flags | kCanUseHeap));
    store_at(setup, field::kHeapEnd, static_cast<std::uint16_t>(kStackTop - kStackSize));
    store_at(setup, field::kCommandLine, static_cast<std::uint32_t>(layout::kCommandLine.value));
    store_at(setup, field::kRamdiskImage, static_cast<std::uint32_t>(pieces.initrd_place.value));
    store_at(setup, field::kRamdiskSize, static_cast<std::uint32_t>(pieces.initrd.size()));
    return setup;
}

Result<Pieces> make_pieces(const LoadContext& context, const BzImage& image) {
    TRY(claim(context.memory, "the kernel", kCode, image.code.size()));
    const auto text = TRY(choose_command_line(context.request, image));
    const auto initrd = TRY(choose_initrd_place(context, image));
    Pieces pieces;
    pieces.code.assign(image.code.begin(), image.code.end());
    const auto characters = std::as_bytes(std::span(text.c_str(), text.size() + 1));
    pieces.command_line.assign(characters.begin(), characters.end());
    pieces.initrd.assign(context.initrd().begin(), context.initrd().end());
    pieces.initrd_place = initrd;
    pieces.setup = filled_setup(image, pieces);
    return pieces;
}

// Each part of the kernel has three items: address, size and bytes.
void put(FwCfgItems& items, FwCfgKey address, Gpa place, FwCfgKey size, FwCfgKey data, Bytes bytes) {
    items.put(address, bytes_of(static_cast<std::uint32_t>(place.value)));
    items.put(size, bytes_of(static_cast<std::uint32_t>(bytes.size())));
    items.put(data, std::move(bytes));
}

// The sum of all bytes of a ROM is 0 (PCI Firmware Specification, 5.2).
Bytes rom_image() {
    const auto start = std::as_bytes(boot_rom());
    Bytes rom(start.begin(), start.end());
    rom[kBootRomChecksum] = std::byte{acpi::checksum(rom)};
    return rom;
}

}  // namespace

Result<std::string> offer_to_firmware(const LoadContext& context, FwCfgItems& items) {
    if (!is_bzimage(context.kernel))
        return reject("it is no bzImage, which is all that firmware is asked to start",
                      "Leave --firmware away");
    const auto image = TRY(parse_bzimage(context.kernel));
    TRY(check_request(context.request, image));
    auto pieces = TRY(make_pieces(context, image));
    using enum FwCfgKey;
    put(items, SetupAddress, kSetup, SetupSize, SetupData, std::move(pieces.setup));
    put(items, KernelAddress, kCode, KernelSize, KernelData, std::move(pieces.code));
    put(items, CommandLineAddress, layout::kCommandLine, CommandLineSize, CommandLineData,
        std::move(pieces.command_line));
    put(items, InitrdAddress, pieces.initrd_place, InitrdSize, InitrdData, std::move(pieces.initrd));
    items.put_file(kRomFile, rom_image());
    const auto order = std::as_bytes(std::span(kRomInBootOrder, std::strlen(kRomInBootOrder) + 1));
    items.put_file("bootorder", {order.begin(), order.end()});
    return fmt::format("which starts the kernel's setup code at {:04x}:0000",
                       (kSetup + kSetupEntry).value / 16);
}

}  // namespace ringside::boot::linux_boot
