#include "vmm/boot/linux/relocations.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "vmm/base/bytes.h"
#include "vmm/boot/loaders.h"

namespace ringside::boot::linux_boot {

namespace {

// The end of the ELF file proper: the end of its section headers, as objcopy writes it, or of whatever
// extends further.
std::optional<std::uint64_t> elf_end(std::span<const std::byte> file) {
    const auto header = load_at<Elf64_Ehdr>(file, 0);
    if (!header || header->e_shoff > file.size())
        return std::nullopt;
    std::uint64_t end = header->e_shoff + std::uint64_t{header->e_shnum} * header->e_shentsize;
    for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
        const auto segment = load_at<Elf64_Phdr>(file, header->e_phoff + i * header->e_phentsize);
        if (segment && segment->p_offset <= file.size() &&
            segment->p_filesz <= file.size() - segment->p_offset)
            end = std::max(end, segment->p_offset + segment->p_filesz);
    }
    return end;
}

// Reads words backwards until the zero that starts their list, and moves `at` to that zero.
std::optional<std::vector<std::uint32_t>> list_before(std::span<const std::byte> words, std::size_t& at) {
    std::vector<std::uint32_t> list;
    while (at >= sizeof(std::uint32_t)) {
        at -= sizeof(std::uint32_t);
        const auto word = load_at<std::uint32_t>(words, at);
        if (!word)
            return std::nullopt;
        if (*word == 0)
            return list;
        list.push_back(*word);
    }
    return std::nullopt;
}

// Handles both word sizes and both signs of the slide.
template <typename Word>
void add_at(std::span<std::byte> bytes, std::uint64_t offset, std::uint64_t slide) {
    Word word{};
    std::memcpy(&word, bytes.data() + offset, sizeof word);
    word = static_cast<Word>(word + static_cast<Word>(slide));
    store_at(bytes, offset, word);
}

// The offset of a word in the image, from its address in the list.
std::uint64_t offset_of(std::uint32_t place, Gpa start) {
    const std::uint64_t address = 0xffffffff00000000 | place;
    return address - kKernelMap - start.value;
}

Result<void> check(const std::vector<std::uint32_t>& places, std::uint64_t width, Gpa start,
                   std::uint64_t size) {
    const auto outside = std::ranges::find_if(places, [&](std::uint32_t place) {
        const std::uint64_t offset = offset_of(place, start);
        return offset > size || size - offset < width;
    });
    if (outside != places.end())
        return reject(
            fmt::format("one of its relocations, at 0xffffffff{:08x}, lies outside its image", *outside),
            "The file is damaged: copy it again, or boot it with --linux-entry decompressor");
    return {};
}

}  // namespace

Relocations find_relocations(std::span<const std::byte> vmlinux) {
    const auto end = elf_end(vmlinux);
    if (!end || *end >= vmlinux.size())
        return {};
    const auto words = vmlinux.subspan(*end);
    std::size_t at = words.size();
    std::vector<std::vector<std::uint32_t>> lists;
    while (at >= sizeof(std::uint32_t) && lists.size() < 3) {
        auto list = list_before(words, at);
        if (!list)
            return {};
        lists.push_back(std::move(*list));
    }
    if (lists.size() == 2)
        return {std::move(lists[1]), {}, std::move(lists[0])};
    if (lists.size() == 3)
        return {std::move(lists[2]), std::move(lists[1]), std::move(lists[0])};
    return {};
}

Result<void> apply_relocations(const Relocations& relocations, std::uint64_t slide, Gpa start,
                               std::span<std::byte> bytes) {
    for (const auto& [places, width] : {std::pair(&relocations.words64, sizeof(std::uint64_t)),
                                        std::pair(&relocations.inverse32, sizeof(std::uint32_t)),
                                        std::pair(&relocations.words32, sizeof(std::uint32_t))}) {
        TRY(check(*places, width, start, bytes.size()));
    }
    for (const std::uint32_t place : relocations.words64)
        add_at<std::uint64_t>(bytes, offset_of(place, start), slide);
    for (const std::uint32_t place : relocations.inverse32)
        add_at<std::uint32_t>(bytes, offset_of(place, start), 0 - slide);
    for (const std::uint32_t place : relocations.words32)
        add_at<std::uint32_t>(bytes, offset_of(place, start), slide);
    return {};
}

std::uint64_t greatest_slide(Gpa start, std::uint64_t init_size, std::uint64_t alignment) {
    if (alignment == 0 || start.value > kKernelMapSize || init_size > kKernelMapSize - start.value)
        return 0;
    return (kKernelMapSize - start.value - init_size) / alignment * alignment;
}

}  // namespace ringside::boot::linux_boot
