// The parts of a bzImage that come from a file: its header, which is valid where the input does not change it, its packed
// payload, and the relocations behind a vmlinux. The first byte chooses which of them the rest is.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "vmm/boot/linux/payload.h"
#include "vmm/boot/linux/relocations.h"
#include "vmm/boot/linux/setup_header.h"

namespace {

using namespace ringside;
using namespace ringside::boot::linux_boot;
using Bytes = std::span<const std::byte>;

bool lies_in(Bytes part, Bytes whole) {
    return part.empty() ||
           (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

// What is accepted is within the file.
void read_header(Bytes input) {
    std::vector<std::byte> file(input.begin(), input.end());
    file.resize(std::max<std::size_t>(file.size(), field::kHeaderLimit));
    const std::uint32_t magic = kHeaderMagic;
    const std::uint16_t flag = kBootFlag;
    std::ranges::copy(std::as_bytes(std::span(&magic, 1)), file.begin() + field::kMagic);
    std::ranges::copy(std::as_bytes(std::span(&flag, 1)), file.begin() + field::kBootFlag);
    const auto image = parse_bzimage(file);
    if (!image)
        return;
    for (const Bytes part : {image->header, image->code, image->payload}) {
        if (!lies_in(part, file))
            std::abort();
    }
}

// What comes out has the size that was announced and allowed.
void unpack_payload(Bytes input) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 20;
    const auto unpacked = unpack(input, kMost);
    if (unpacked ? unpacked->size() > kMost : unpacked.error().reason.empty())
        std::abort();
}

// Relocations of any file change nothing outside the image.
void relocate(Bytes input) {
    const auto relocations = find_relocations(input);
    std::vector<std::byte> image(4096);
    (void)apply_relocations(relocations, 0x200000, Gpa{0x1000000}, image);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const auto input = std::as_bytes(std::span(data, size)).subspan(1);
    switch (data[0] % 3) {
        case 0:
            read_header(input);
            break;
        case 1:
            unpack_payload(input);
            break;
        default:
            relocate(input);
            break;
    }
    return 0;
}
