#include "vmm/boot/multiboot1_header.h"

#include <algorithm>
#include <array>

#include "vmm/base/bytes.h"

namespace ringside::boot {

namespace {

using Words = std::array<std::uint32_t, 3>;         // magic, flags, checksum
using AddressWords = std::array<std::uint32_t, 5>;  // they follow if flags bit 16 is set

}  // namespace

std::optional<Multiboot1Header> find_multiboot1_header(std::span<const std::byte> file) {
    const auto searched = file.first(std::min<std::uint64_t>(file.size(), Multiboot1Header::kSearchLimit));
    for (std::uint64_t offset = 0; offset + sizeof(Words) <= searched.size();
         offset += sizeof(std::uint32_t)) {
        const auto words = load_at<Words>(searched, offset);
        if ((*words)[0] != Multiboot1Header::kMagic || (*words)[0] + (*words)[1] + (*words)[2] != 0)
            continue;
        Multiboot1Header header;
        header.addresses.header_offset = offset;
        header.flags = (*words)[1];
        if (!header.has_addresses())
            return header;
        const auto addresses = load_at<AddressWords>(searched, offset + sizeof(Words));
        if (!addresses)
            continue;
        header.addresses.header_address = (*addresses)[0];
        header.addresses.load_address = (*addresses)[1];
        header.addresses.load_end = (*addresses)[2];
        header.addresses.bss_end = (*addresses)[3];
        header.entry = (*addresses)[4];
        return header;
    }
    return std::nullopt;
}

}  // namespace ringside::boot
