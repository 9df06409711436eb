#include "vmm/boot/elf_image.h"

#include <fmt/format.h>
#include <gelf.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>

#include "vmm/boot/loaders.h"

namespace ringside::boot {

namespace {

using namespace std::string_view_literals;

constexpr GElf_Word kXenPhysicalEntry = 18;       // XEN_ELFNOTE_PHYS32_ENTRY
constexpr std::string_view kXenName = "Xen\0"sv;  // a note's name counts its NUL

struct ElfEnd {
    void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

std::string libelf_reason() {
    const char* text = elf_errmsg(-1);
    return text != nullptr ? text : "unknown error";
}

// Returns true if [offset, offset + size) lies in a file of `file_size` bytes.
bool inside(std::uint64_t offset, std::uint64_t size, std::uint64_t file_size) {
    return offset <= file_size && size <= file_size - offset;
}

Result<GElf_Ehdr> read_header(Elf* elf, std::uint64_t file_size) {
    GElf_Ehdr header{};
    if (gelf_getehdr(elf, &header) == nullptr)
        return reject(fmt::format("its ELF header cannot be read: {}", libelf_reason()), "Build it again");
    if (header.e_ident[EI_DATA] != ELFDATA2LSB)
        return reject("it is a big-endian ELF file", "Give a kernel for x86");
    const bool is_64 = header.e_ident[EI_CLASS] == ELFCLASS64;
    if (header.e_machine != (is_64 ? EM_X86_64 : EM_386))
        return reject(
            fmt::format("it is a {}-bit ELF file for machine type {}", is_64 ? 64 : 32, header.e_machine),
            "Give a kernel for x86");
    if (header.e_type == ET_REL)
        return reject("it is an object file", "Link it first");
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
        return reject(fmt::format("ELF type {} is no program", header.e_type), "Give a linked kernel");
    if (header.e_phnum == 0)
        return reject("it has no program headers", "Link it with segments to load");
    const std::uint64_t table =
        std::uint64_t{header.e_phnum} * (is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));
    if (!inside(header.e_phoff, table, file_size))
        return reject(fmt::format("it is truncated: {} program headers at {:#x} do not fit into {} bytes",
                                  header.e_phnum, header.e_phoff, file_size),
                      "Build or copy it again");
    return header;
}

Result<ElfSegment> check_segment(std::size_t index, const GElf_Phdr& header, std::uint64_t file_size) {
    if (!inside(header.p_offset, header.p_filesz, file_size))
        return reject(
            fmt::format("it is truncated: segment {} needs {:#x} bytes at offset {:#x}, the file has {:#x}",
                        index, header.p_filesz, header.p_offset, file_size),
            "Build or copy it again");
    if (header.p_memsz < header.p_filesz)
        return reject(fmt::format("segment {} has more bytes in the file ({:#x}) than in memory ({:#x})",
                                  index, header.p_filesz, header.p_memsz),
                      "Its linker script is wrong");
    if (header.p_memsz > std::numeric_limits<std::uint64_t>::max() - header.p_paddr)
        return reject(fmt::format("segment {} at {:#x} of {:#x} bytes wraps around the address space", index,
                                  header.p_paddr, header.p_memsz),
                      "Its linker script is wrong");
    return ElfSegment{index,           header.p_vaddr,  Gpa{header.p_paddr},
                      header.p_offset, header.p_filesz, header.p_memsz};
}

// Xen's physical entry point from one PT_NOTE segment: a descriptor of 4 or 8 bytes.
std::optional<std::uint64_t> find_pvh_entry(Elf* elf, const GElf_Phdr& segment) {
    // Notes are padded to 4 bytes, and to 8 where the segment says so.
    Elf_Data* data = elf_getdata_rawchunk(elf, static_cast<std::int64_t>(segment.p_offset), segment.p_filesz,
                                          segment.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
    if (data == nullptr)
        return std::nullopt;
    const auto* bytes = static_cast<const char*>(data->d_buf);
    GElf_Nhdr note{};
    std::size_t name = 0;
    std::size_t descriptor = 0;
    std::size_t offset = 0;
    while (offset < data->d_size && (offset = gelf_getnote(data, offset, &note, &name, &descriptor)) > 0) {
        if (note.n_type != kXenPhysicalEntry || std::string_view(bytes + name, note.n_namesz) != kXenName)
            continue;
        if (note.n_descsz != 4 && note.n_descsz != 8)
            continue;
        std::uint64_t entry = 0;
        std::memcpy(&entry, bytes + descriptor, note.n_descsz);
        return entry;
    }
    return std::nullopt;
}

Result<void> check_overlaps(std::vector<ElfSegment> segments) {
    std::sort(segments.begin(), segments.end(),
              [](const ElfSegment& a, const ElfSegment& b) { return a.physical < b.physical; });
    for (std::size_t i = 1; i < segments.size(); ++i) {
        const ElfSegment& a = segments[i - 1];
        const ElfSegment& b = segments[i];
        if (b.physical < a.physical + a.memory_size)
            return reject(fmt::format("segments {} [{:#x}, {:#x}) and {} [{:#x}, {:#x}) overlap", a.index,
                                      a.physical.value, (a.physical + a.memory_size).value, b.index,
                                      b.physical.value, (b.physical + b.memory_size).value),
                          "Its linker script is wrong");
    }
    return {};
}

}  // namespace

std::optional<Gpa> ElfImage::physical_entry() const {
    for (const ElfSegment& segment : segments) {
        if (entry >= segment.virtual_address && entry - segment.virtual_address < segment.memory_size)
            return segment.physical + (entry - segment.virtual_address);
    }
    return holds(Gpa{entry}) ? std::optional(Gpa{entry}) : std::nullopt;
}

bool ElfImage::holds(Gpa address) const {
    return std::any_of(segments.begin(), segments.end(), [&](const ElfSegment& segment) {
        return address >= segment.physical && address - segment.physical < segment.memory_size;
    });
}

Gpa ElfImage::end() const {
    Gpa end;
    for (const ElfSegment& segment : segments)
        end = std::max(end, segment.physical + segment.memory_size);
    return end;
}

bool is_elf(std::span<const std::byte> file) {
    return file.size() >= SELFMAG && std::memcmp(file.data(), ELFMAG, SELFMAG) == 0;
}

Result<ElfImage> parse_elf(std::span<std::byte> file) {
    elf_version(EV_CURRENT);
    if (!is_elf(file))
        return reject("it is no ELF file");
    const ElfHandle elf(elf_memory(reinterpret_cast<char*>(file.data()), file.size()));
    if (!elf || elf_kind(elf.get()) != ELF_K_ELF)
        return reject("its ELF header is truncated or damaged", "Build or copy it again");
    const auto header = TRY(read_header(elf.get(), file.size()));

    ElfImage image;
    image.is_64 = header.e_ident[EI_CLASS] == ELFCLASS64;
    image.entry = header.e_entry;
    for (std::size_t i = 0; i < header.e_phnum; ++i) {
        GElf_Phdr program_header{};
        if (gelf_getphdr(elf.get(), static_cast<int>(i), &program_header) == nullptr)
            return reject(fmt::format("program header {} cannot be read: {}", i, libelf_reason()),
                          "Build it again");
        if (program_header.p_type == PT_NOTE && !image.pvh_entry)
            image.pvh_entry = find_pvh_entry(elf.get(), program_header);
        if (program_header.p_type != PT_LOAD || program_header.p_memsz == 0)
            continue;
        const auto segment = TRY(check_segment(i, program_header, file.size()));
        image.segments.push_back(segment);
    }
    if (image.segments.empty())
        return reject("it has no segment to load", "Link it with a PT_LOAD segment");
    TRY(check_overlaps(image.segments));
    return image;
}

}  // namespace ringside::boot
