// Loads arbitrary bytes as a kernel, by detection and by each protocol. The first byte chooses the protocol,
// the second the size of an initrd, the rest is the file.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <vector>

#include "vmm/boot/boot_image.h"
#include "vmm/machine/layout.h"

namespace {

using namespace ringside;

constexpr std::size_t kHeader = 2;
constexpr std::uint8_t kWithFirmware = 0x80;

// Detection, or one protocol.
std::optional<boot::Protocol> choose(std::uint8_t choice) {
    using boot::Protocol;
    constexpr std::array kProtocols{Protocol::Flat,       Protocol::Elf32,      Protocol::Elf64,
                                    Protocol::Multiboot1, Protocol::Pvh,        Protocol::LinuxBzImage,
                                    Protocol::LinuxElf,   Protocol::Multiboot2, Protocol::Firmware};
    if (choice % (kProtocols.size() + 1) == 0)
        return std::nullopt;
    return kProtocols[choice % (kProtocols.size() + 1) - 1];
}

// Small, so that zeroing it costs little, yet with room above 1 MiB.
const machine::GuestMemory& guest() {
    static const auto memory = machine::GuestMemory::create(2 * layout::kMiB);
    if (!memory)
        std::abort();
    return *memory;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < kHeader)
        return 0;
    boot::BootRequest request{
        .kernel = "fuzz", .command_line = "a=b", .protocol = choose(data[0] & ~kWithFirmware)};
    const std::vector<std::byte> initrd(data[1] * std::size_t{1024}, std::byte{0x5a});
    // An image with a jump at the reset vector, if the kernel is to be started by firmware.
    std::vector<std::byte> firmware((data[0] & kWithFirmware) != 0 ? 64 * layout::kKiB : 0, std::byte{0xe9});
    request.acpi = boot::acpi::Machine{};
    const auto bytes = std::as_bytes(std::span(data, size)).subspan(kHeader);
    std::vector<std::byte> kernel(bytes.begin(), bytes.end());

    std::vector<std::span<const std::byte>> modules;
    if (!initrd.empty())
        modules.emplace_back(initrd);
    const auto state = boot::load(request, {kernel, modules, firmware}, guest());
    // What was accepted starts in RAM or in its own ROM; what was not has a reason.
    if (state ? !state->rom && !guest().contains(state->entry, 1) : state.error().reason.empty())
        std::abort();
    return 0;
}
