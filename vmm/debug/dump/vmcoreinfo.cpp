#include "vmm/debug/dump/vmcoreinfo.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "vmm/base/text.h"
#include "vmm/machine/page_set.h"
#include "vmm/machine/populated_pages.h"

namespace ringside::debug {

namespace {

constexpr std::string_view kName{"VMCOREINFO\0", 11};
constexpr std::string_view kFirstLine = "OSRELEASE=";
constexpr std::size_t kContent = sizeof(Elf64_Nhdr) + 12;  // the name is padded
constexpr std::size_t kMostContent = 64 * 1024;
constexpr std::uint64_t kKernelMap = 0xffffffff80000000;  // where x86-64 Linux maps its image, less phys_base

// The length of the note that begins here, or nothing.
std::optional<std::size_t> note_length(std::span<const std::byte> start) {
    Elf64_Nhdr header;
    std::memcpy(&header, start.data(), sizeof header);
    if (header.n_namesz != kName.size() || header.n_type != 0 || header.n_descsz < kFirstLine.size() ||
        header.n_descsz > kMostContent)
        return std::nullopt;
    if (std::memcmp(start.data() + sizeof header, kName.data(), kName.size()) != 0 ||
        std::memcmp(start.data() + kContent, kFirstLine.data(), kFirstLine.size()) != 0)
        return std::nullopt;
    return kContent + (header.n_descsz + 3) / 4 * 4;
}

// The whole note that begins there, if one does.
std::optional<Bytes> note_at(const GuestView& view, Gpa gpa) {
    std::array<std::byte, kContent + kFirstLine.size()> start{};
    const bool there = view.memory().copy_prefix(gpa, start) == start.size();
    const auto length = there ? note_length(start) : std::nullopt;
    if (!length)
        return std::nullopt;
    Bytes note(*length);
    const auto count = view.read_physical(gpa, note);
    return count && *count == note.size() ? std::optional(std::move(note)) : std::nullopt;
}

// Returns the value of what the kernel writes as %ld; negative ones wrap around.
std::optional<std::uint64_t> signed_number(std::string_view text) {
    const bool negative = text.starts_with('-');
    const auto value = parse_digits(text.substr(negative ? 1 : 0));
    if (value && negative)
        return 0 - *value;
    return value;
}

}  // namespace

bool describes_the_mapped_kernel(const Bytes& note, const GuestView& view,
                                 const x86::SystemRegisters& system) {
    const auto text = vmcoreinfo_value(note, "SYMBOL(_stext)");
    const auto base = vmcoreinfo_value(note, "NUMBER(phys_base)");
    if (!text || !base)
        return false;
    const auto start = parse_digits(*text, 16);
    const auto moved = signed_number(*base);
    if (!start || !moved)
        return false;
    const auto there = view.translate(view.kernel_tables(system), Gva{*start});
    return there && there->gpa.value == *start - kKernelMap + *moved;
}

std::optional<std::string_view> vmcoreinfo_value(const Bytes& note, std::string_view key) {
    std::string_view text(reinterpret_cast<const char*>(note.data()), note.size());
    text.remove_prefix(std::min(kContent, text.size()));
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find_first_of(std::string_view("\n\0", 2)));
        if (line.starts_with(key) && line.substr(key.size()).starts_with('='))
            return line.substr(key.size() + 1);
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return std::nullopt;
}

std::optional<Vmcoreinfo> find_vmcoreinfo(const GuestView& view, const x86::SystemRegisters& system,
                                          std::optional<NotePlace> named) {
    if (named) {
        if (auto note = note_at(view, Gpa{named->address}); note && note->size() <= named->size)
            return Vmcoreinfo{*std::move(note), *named};
    }
    std::optional<Vmcoreinfo> first;
    for (const machine::MemoryRegion& region : view.memory().regions()) {
        const machine::PopulatedPages populated(region);
        for (auto run = populated.next(0); run; run = populated.next(run->start + machine::kPageSize)) {
            const Gpa gpa = region.start() + run->start;
            auto note = note_at(view, gpa);
            if (!note)
                continue;
            const bool mapped = describes_the_mapped_kernel(*note, view, system);
            const NotePlace place{gpa.value, note->size()};
            if (mapped)
                return Vmcoreinfo{*std::move(note), place};
            if (!first)
                first = Vmcoreinfo{*std::move(note), place};
        }
    }
    return first;
}

}  // namespace ringside::debug
