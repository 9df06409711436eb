#include "vmm/boot/linux/setup_header.h"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/bytes.h"
#include "vmm/boot/loaders.h"
#include "vmm/machine/layout.h"

namespace ringside::boot::linux_boot {

namespace {

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kSetupSectors = 0x1f1;  // 0 means 4
constexpr std::uint8_t kDefaultSetupSectors = 4;

constexpr std::uint16_t kOldestVersion = 0x205;  // the first with kAlignment and kRelocatable
constexpr std::uint16_t kWithPayload = 0x208;
constexpr std::uint16_t kWithPreferredAddress = 0x20a;
constexpr std::uint16_t kWith64BitEntry = 0x20c;
constexpr std::uint16_t kXlf64BitEntry = 1U << 0;  // xloadflags: XLF_KERNEL_64

constexpr std::uint64_t kOldCommandLineSize = 255;

// Reads a field of a header that is known to be complete.
template <typename T>
T get(std::span<const std::byte> file, std::uint64_t offset) {
    return load_at<T>(file, offset).value_or(T{});
}

Result<void> split(std::span<const std::byte> file, BzImage& image) {
    const auto sectors = get<std::uint8_t>(file, kSetupSectors);
    const std::uint64_t setup_size =
        (std::uint64_t{sectors == 0 ? kDefaultSetupSectors : sectors} + 1) * kSector;
    if (setup_size >= file.size())
        return reject(
            fmt::format("it ends at {:#x}, within its setup code of {:#x} bytes", file.size(), setup_size),
            "The file is cut off: copy it again");
    const std::uint64_t end = field::kMagic + get<std::uint8_t>(file, field::kJumpOffset);
    const std::uint64_t header_end = std::min({end, field::kHeaderLimit, setup_size});
    if (header_end < field::kCommandLineSize + sizeof(std::uint32_t))
        return reject(fmt::format("its setup header ends at {:#x}, before its fields do", header_end));
    image.header = file.subspan(field::kHeader, header_end - field::kHeader);
    image.setup = file.first(setup_size);
    image.code = file.subspan(setup_size);
    return {};
}

Result<void> find_payload(std::span<const std::byte> file, BzImage& image) {
    if (image.version < kWithPayload)
        return {};
    const std::uint64_t offset = get<std::uint32_t>(file, field::kPayloadOffset);
    const std::uint64_t length = get<std::uint32_t>(file, field::kPayloadLength);
    if (offset > image.code.size() || length > image.code.size() - offset)
        return reject(fmt::format("its payload [{:#x}, {:#x}) reaches beyond its {:#x} bytes of code", offset,
                                  offset + length, image.code.size()),
                      "The file is cut off: copy it again");
    image.payload = image.code.subspan(offset, length);
    return {};
}

void read_needs(std::span<const std::byte> file, BzImage& image) {
    const bool preferring = image.version >= kWithPreferredAddress;
    image.relocatable = get<std::uint8_t>(file, field::kRelocatable) != 0;
    image.alignment = std::max<std::uint64_t>(get<std::uint32_t>(file, field::kAlignment), 1);
    image.preferred_address =
        preferring ? Gpa{get<std::uint64_t>(file, field::kPreferredAddress)} : layout::kHighMemory;
    image.init_size = std::max<std::uint64_t>(preferring ? get<std::uint32_t>(file, field::kInitSize) : 0,
                                              image.code.size());
    image.initrd_end = Gpa{std::uint64_t{get<std::uint32_t>(file, field::kInitrdMaximum)} + 1};
    const auto characters = get<std::uint32_t>(file, field::kCommandLineSize);
    image.command_line_size = characters == 0 ? kOldCommandLineSize : characters;
    image.has_64_bit_entry = image.version >= kWith64BitEntry &&
                             (get<std::uint16_t>(file, field::kXloadFlags) & kXlf64BitEntry) != 0 &&
                             image.code.size() > kEntry64;
}

}  // namespace

bool is_bzimage(std::span<const std::byte> file) {
    return load_at<std::uint32_t>(file, field::kMagic) == kHeaderMagic &&
           load_at<std::uint16_t>(file, field::kBootFlag) == kBootFlag;
}

Result<BzImage> parse_bzimage(std::span<const std::byte> file) {
    if (!is_bzimage(file))
        return reject("it has no Linux setup header", "Boot it by another protocol");
    BzImage image;
    image.version = get<std::uint16_t>(file, field::kVersion);
    if (image.version < kOldestVersion)
        return reject(
            fmt::format("it speaks version {}.{:02} of Linux's boot protocol; 2.05 is the oldest that works",
                        image.version >> 8, image.version & 0xff),
            "Take a kernel from 2.6.20 on");
    TRY(split(file, image));
    if ((get<std::uint8_t>(file, field::kLoadFlags) & kLoadedHigh) == 0)
        return reject("it is a zImage, whose code goes below 1 MiB", "Build it as a bzImage");
    TRY(find_payload(file, image));
    read_needs(file, image);
    return image;
}

}  // namespace ringside::boot::linux_boot
