#include "vmm/boot/multiboot2_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vmm/base/bytes.h"

namespace ringside::boot {

namespace {

constexpr std::uint64_t kHeaderAlignment = 8;

struct Fixed {
    std::uint32_t magic, architecture, size, checksum;
};

struct Tag {
    std::uint16_t type, flags;
    std::uint32_t size;  // includes the tag's own 8 bytes; the next tag is aligned to 8 bytes
};

enum class TagType : std::uint16_t {
    End = 0,
    InformationRequest = 1,
    Address = 2,
    Entry = 3,
    Console = 4,
    Framebuffer = 5,
    ModuleAlignment = 6,
    EfiBootServices = 7,
    EfiEntry32 = 8,
    EfiEntry64 = 9,
    Relocatable = 10,
};
constexpr std::uint16_t kOptional = 1U << 0;

std::optional<std::uint64_t> find(std::span<const std::byte> file) {
    const auto searched = file.first(std::min<std::uint64_t>(file.size(), Multiboot2Header::kSearchLimit));
    for (std::uint64_t offset = 0; offset + sizeof(Fixed) <= searched.size(); offset += kHeaderAlignment) {
        const auto fixed = load_at<Fixed>(searched, offset);
        if (fixed && fixed->magic == Multiboot2Header::kMagic &&
            fixed->magic + fixed->architecture + fixed->size + fixed->checksum == 0)
            return offset;
    }
    return std::nullopt;
}

tl::unexpected<Error> cut_off(const Tag& tag) {
    return reject(
        fmt::format("its multiboot 2 header's tag of type {} with {} bytes reaches beyond the header",
                    tag.type, tag.size),
        "Its header is wrong");
}

// `body` is what follows a tag's type, flags and size.
Result<void> read_address(std::span<const std::byte> body, const Tag& tag, Multiboot2Header& header) {
    constexpr std::uint32_t kFromTheStart = 0xffffffff;  // load_addr: the whole file, from its beginning
    const auto words = load_at<std::array<std::uint32_t, 4>>(body, 0);
    if (!words)
        return cut_off(tag);
    MultibootAddresses addresses{header.offset, (*words)[0], (*words)[1], (*words)[2], (*words)[3]};
    if (addresses.load_address == kFromTheStart)
        addresses.load_address = addresses.header_address - static_cast<std::uint32_t>(header.offset);
    header.addresses = addresses;
    return {};
}

// The requests that matter here. Modules are always aligned, there is no firmware entry, and a kernel is
// never relocated.
Result<void> read_tag(std::span<const std::byte> body, const Tag& tag, Multiboot2Header& header) {
    switch (static_cast<TagType>(tag.type)) {
        case TagType::Address:
            return read_address(body, tag, header);
        case TagType::Entry:
            header.entry = load_at<std::uint32_t>(body, 0);
            return header.entry ? Result<void>() : cut_off(tag);
        case TagType::End:
        case TagType::InformationRequest:
        case TagType::Console:
        case TagType::Framebuffer:
        case TagType::ModuleAlignment:
        case TagType::EfiBootServices:
        case TagType::EfiEntry32:
        case TagType::EfiEntry64:
        case TagType::Relocatable:
            return {};
    }
    if ((tag.flags & kOptional) != 0)
        return {};
    return reject(
        fmt::format("its multiboot 2 header requires a feature that does not exist (tag type {})", tag.type),
        "Its header is wrong");
}

Result<void> read_tags(std::span<const std::byte> tags, Multiboot2Header& header) {
    std::uint64_t at = 0;
    while (at < tags.size()) {
        const auto tag = load_at<Tag>(tags, at);
        if (!tag)
            return cut_off(Tag{});
        if (tag->size < sizeof(Tag) || tag->size > tags.size() - at)
            return cut_off(*tag);
        if (static_cast<TagType>(tag->type) == TagType::End)
            return {};
        if (auto read = read_tag(tags.subspan(at + sizeof(Tag), tag->size - sizeof(Tag)), *tag, header);
            !read)
            return read;
        at += (tag->size + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment;
    }
    return {};
}

}  // namespace

bool has_multiboot2_header(std::span<const std::byte> file) {
    return find(file).has_value();
}

Result<Multiboot2Header> parse_multiboot2_header(std::span<const std::byte> file) {
    const auto offset = find(file);
    if (!offset)
        return reject("it has no multiboot 2 header in its first 32 KiB", "Boot it by another protocol");
    const auto fixed = load_at<Fixed>(file, *offset).value_or(Fixed{});
    if (fixed.architecture != Multiboot2Header::kI386)
        return reject(fmt::format("its multiboot 2 header is for architecture {}, not for i386 (0)",
                                  fixed.architecture),
                      "Build it for x86");
    if (fixed.size < sizeof(Fixed) || fixed.size > file.size() - *offset)
        return reject(
            fmt::format("its multiboot 2 header of {:#x} bytes reaches beyond the file", fixed.size),
            "Build or copy it again");
    Multiboot2Header header;
    header.offset = *offset;
    TRY(read_tags(file.subspan(*offset + sizeof(Fixed), fixed.size - sizeof(Fixed)), header));
    return header;
}

}  // namespace ringside::boot
