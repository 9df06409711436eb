#include "vmm/debug/dump/vmcoreinfo.h"

#include <elf.h>

#include <cstring>
#include <string_view>

namespace ringside::debug {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::string_view kName{"VMCOREINFO\0", 11};
constexpr std::string_view kFirstLine = "OSRELEASE=";
constexpr std::size_t kContent = sizeof(Elf64_Nhdr) + 12;  // the name is padded
constexpr std::size_t kMostContent = 64 * 1024;

// The length of the note that begins here, or nothing.
std::optional<std::size_t> note_length(std::span<const std::byte> page) {
    Elf64_Nhdr header;
    std::memcpy(&header, page.data(), sizeof header);
    if (header.n_namesz != kName.size() || header.n_type != 0 || header.n_descsz < kFirstLine.size() ||
        header.n_descsz > kMostContent)
        return std::nullopt;
    if (std::memcmp(page.data() + sizeof header, kName.data(), kName.size()) != 0 ||
        std::memcmp(page.data() + kContent, kFirstLine.data(), kFirstLine.size()) != 0)
        return std::nullopt;
    return kContent + (header.n_descsz + 3) / 4 * 4;
}

}  // namespace

std::optional<Bytes> find_vmcoreinfo(const GuestView& view) {
    for (const machine::MemoryRegion& region : view.memory().regions()) {
        for (std::uint64_t offset = 0; offset + kPage <= region.size(); offset += kPage) {
            const Gpa gpa = region.start() + offset;
            const auto length = note_length(view.memory().span(gpa, kPage));
            if (!length)
                continue;
            Bytes note(*length);
            const auto count = view.read_physical(gpa, note);
            if (count && *count == note.size())
                return note;
        }
    }
    return std::nullopt;
}

}  // namespace ringside::debug
