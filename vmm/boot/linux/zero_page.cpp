#include "vmm/boot/linux/zero_page.h"

#include <algorithm>

#include "vmm/base/bytes.h"
#include "vmm/boot/linux/setup_header.h"

namespace ringside::boot::linux_boot {

namespace {

// Fields outside the setup header. The upper and lower halves of addresses and sizes are separate fields.
constexpr std::uint64_t kAcpiRsdp = 0x070;
constexpr std::uint64_t kRamdiskImageHigh = 0x0c0;
constexpr std::uint64_t kRamdiskSizeHigh = 0x0c4;
constexpr std::uint64_t kCommandLineHigh = 0x0c8;
constexpr std::uint64_t kE820Entries = 0x1e8;
constexpr std::uint64_t kE820Table = 0x2d0;
constexpr std::size_t kMostE820Entries = 128;

// The protocol version for a vmlinux, which has no header: 2.12.
constexpr std::uint16_t kVersionWithoutHeader = 0x20c;

void put_split(ZeroPage& page, std::uint64_t low, std::uint64_t high, std::uint64_t value) {
    store_at(page, low, static_cast<std::uint32_t>(value));
    store_at(page, high, static_cast<std::uint32_t>(value >> 32));
}

void put_header(ZeroPage& page, std::span<const std::byte> header) {
    if (header.empty()) {
        store_at(page, field::kBootFlag, kBootFlag);
        store_at(page, field::kMagic, kHeaderMagic);
        store_at(page, field::kVersion, kVersionWithoutHeader);
        return;
    }
    const auto size = std::min<std::size_t>(header.size(), field::kHeaderLimit - field::kHeader);
    std::copy_n(header.begin(), size, page.begin() + field::kHeader);
}

void put_memory(ZeroPage& page, const std::vector<MemoryMapEntry>& memory) {
    const auto count = std::min(memory.size(), kMostE820Entries);
    store_at(page, kE820Entries, static_cast<std::uint8_t>(count));
    for (std::size_t i = 0; i < count; ++i)
        store_at(
            page, kE820Table + i * sizeof(E820Entry),
            E820Entry{memory[i].start.value, memory[i].size, static_cast<std::uint32_t>(memory[i].type)});
}

}  // namespace

ZeroPage make_zero_page(const ZeroPageContents& contents) {
    ZeroPage page{};
    put_header(page, contents.header);
    put_memory(page, contents.memory);
    store_at(page, field::kTypeOfLoader, kUnknownLoader);
    auto flags = std::to_integer<std::uint8_t>(page[field::kLoadFlags]);
    flags = static_cast<std::uint8_t>((flags & ~kKaslrEnabled) | kLoadedHigh |
                                      (contents.moved ? kKaslrEnabled : 0));
    store_at(page, field::kLoadFlags, flags);
    put_split(page, field::kCommandLine, kCommandLineHigh, contents.command_line.value);
    if (contents.initrd) {
        put_split(page, field::kRamdiskImage, kRamdiskImageHigh, contents.initrd->value);
        put_split(page, field::kRamdiskSize, kRamdiskSizeHigh, contents.initrd_size);
    }
    if (contents.rsdp)
        store_at(page, kAcpiRsdp, contents.rsdp->value);
    return page;
}

}  // namespace ringside::boot::linux_boot
