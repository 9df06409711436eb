#include "vmm/debug/dump/segments.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

namespace ringside::debug {

namespace {

constexpr std::uint64_t kFilePage = 4096;

std::uint64_t round_up(std::uint64_t value) {
    return (value + kFilePage - 1) / kFilePage * kFilePage;
}

// The distance of a physical address from the first byte of memory in the file, where the ranges follow each other.
std::uint64_t place_of(std::span<const PhysicalRange> memory, std::uint64_t physical) {
    std::uint64_t place = 0;
    for (const PhysicalRange& range : memory) {
        if (physical >= range.start && physical - range.start < range.size)
            return place + (physical - range.start);
        place += range.size;
    }
    return place;
}

template <typename T>
void put(Bytes& bytes, std::size_t offset, const T& value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

Elf64_Ehdr elf_header(std::size_t program_headers) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_CORE;
    header.e_machine = EM_X86_64;
    header.e_version = EV_CURRENT;
    header.e_phoff = sizeof header;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = static_cast<Elf64_Half>(program_headers);
    return header;
}

}  // namespace

bool SegmentList::append(const CoreSegment& piece) {
    if (!segments_.empty()) {
        CoreSegment& last = segments_.back();
        if (last.virtual_address + last.size == piece.virtual_address &&
            last.physical_address + last.size == piece.physical_address) {
            last.size += piece.size;
            return true;
        }
    }
    if (segments_.size() == most_)
        return false;
    segments_.push_back(piece);
    return true;
}

bool SegmentList::add(const x86::MappedPage& page) {
    for (const PhysicalRange& range : memory_) {
        const std::uint64_t start = std::max(page.gpa.value, range.start);
        const std::uint64_t end = std::min(page.gpa.value + page.size, range.start + range.size);
        if (start < end && !append({page.gva.value + (start - page.gpa.value), start, end - start}))
            return false;
    }
    return true;
}

std::vector<CoreSegment> SegmentList::finish() && {
    std::vector<CoreSegment> by_physical = segments_;
    std::ranges::sort(by_physical, {}, &CoreSegment::physical_address);
    for (const PhysicalRange& range : memory_) {
        std::uint64_t covered = range.start;
        const std::uint64_t end = range.start + range.size;
        for (const CoreSegment& segment : by_physical) {
            if (segment.physical_address >= end)
                break;
            if (segment.physical_address > covered)
                segments_.push_back({covered, covered, segment.physical_address - covered});
            covered = std::max(covered, std::min(segment.physical_address + segment.size, end));
        }
        if (covered < end)
            segments_.push_back({covered, covered, end - covered});
    }
    return std::move(segments_);
}

CoreHeader core_header(std::span<const CoreSegment> segments, std::span<const PhysicalRange> memory,
                       std::span<const std::byte> notes) {
    const std::size_t count = segments.size() + 1;
    const std::uint64_t notes_offset = sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr);
    CoreHeader header;
    header.memory_offset = round_up(notes_offset + notes.size());
    header.bytes.resize(header.memory_offset);
    put(header.bytes, 0, elf_header(count));
    Elf64_Phdr entry{};
    entry.p_type = PT_NOTE;
    entry.p_offset = notes_offset;
    entry.p_filesz = entry.p_memsz = notes.size();
    put(header.bytes, sizeof(Elf64_Ehdr), entry);
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const CoreSegment& segment = segments[i];
        entry = {};
        entry.p_type = PT_LOAD;
        entry.p_flags = PF_R | PF_W | PF_X;
        entry.p_offset = header.memory_offset + place_of(memory, segment.physical_address);
        entry.p_vaddr = segment.virtual_address;
        entry.p_paddr = segment.physical_address;
        entry.p_filesz = entry.p_memsz = segment.size;
        put(header.bytes, sizeof(Elf64_Ehdr) + (i + 1) * sizeof(Elf64_Phdr), entry);
    }
    std::ranges::copy(notes, header.bytes.begin() + static_cast<std::ptrdiff_t>(notes_offset));
    return header;
}

}  // namespace ringside::debug
