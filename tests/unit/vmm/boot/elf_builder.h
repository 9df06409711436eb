// ELF files out of values, right or wrong, for loader tests.
#pragma once

#include <elf.h>

#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace ringside::boot {

using Bytes = std::vector<std::byte>;

template <typename T>
void append(Bytes& bytes, const T& value) {
    const auto view = std::as_bytes(std::span(&value, 1));
    bytes.insert(bytes.end(), view.begin(), view.end());
}

inline Bytes to_bytes(std::string_view text) {
    const auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
}

struct Elf32Types {
    using Header = Elf32_Ehdr;
    using ProgramHeader = Elf32_Phdr;
    static constexpr unsigned char kClass = ELFCLASS32;
    static constexpr Elf32_Half kMachine = EM_386;
};

struct Elf64Types {
    using Header = Elf64_Ehdr;
    using ProgramHeader = Elf64_Phdr;
    static constexpr unsigned char kClass = ELFCLASS64;
    static constexpr Elf64_Half kMachine = EM_X86_64;
};

// Contents follow the program headers in order. Whatever a test wants wrong, it sets in `header` or
// `program_headers` before build().
template <typename Types>
class ElfBuilder {
  public:
    using Header = typename Types::Header;
    using ProgramHeader = typename Types::ProgramHeader;

    ElfBuilder() {
        std::memcpy(header.e_ident, ELFMAG, SELFMAG);
        header.e_ident[EI_CLASS] = Types::kClass;
        header.e_ident[EI_DATA] = ELFDATA2LSB;
        header.e_ident[EI_VERSION] = EV_CURRENT;
        header.e_type = ET_EXEC;
        header.e_machine = Types::kMachine;
        header.e_version = EV_CURRENT;
        header.e_ehsize = sizeof(Header);
        header.e_phoff = sizeof(Header);
        header.e_phentsize = sizeof(ProgramHeader);
    }

    ElfBuilder& entry(std::uint64_t address) {
        header.e_entry = static_cast<decltype(header.e_entry)>(address);
        return *this;
    }

    ElfBuilder& segment(std::uint64_t virtual_address, std::uint64_t physical, std::string_view contents,
                        std::uint64_t memory_size) {
        add(PT_LOAD, virtual_address, physical, to_bytes(contents), memory_size, 1);
        return *this;
    }

    ElfBuilder& segment(std::uint64_t address, std::string_view contents) {
        return segment(address, address, contents, contents.size());
    }

    // A note with a descriptor of 4 bytes, and an unrelated one before it.
    ElfBuilder& note(std::string_view name, std::uint32_t type, std::uint32_t value) {
        Bytes bytes;
        append_note(bytes, "GNU", 1, 0);
        append_note(bytes, name, type, value);
        const std::uint64_t size = bytes.size();
        add(PT_NOTE, 0, 0, std::move(bytes), size, 4);
        return *this;
    }
    ElfBuilder& pvh_note(std::uint32_t entry_point) { return note("Xen", 18, entry_point); }

    Bytes build() {
        using Half = decltype(header.e_phnum);
        header.e_phnum = static_cast<Half>(program_headers.size());
        std::uint64_t offset = sizeof(Header) + program_headers.size() * sizeof(ProgramHeader);
        Bytes file;
        append(file, header);
        for (std::size_t i = 0; i < program_headers.size(); ++i) {
            ProgramHeader placed = program_headers[i];
            if (placed.p_offset == 0)
                placed.p_offset = static_cast<decltype(placed.p_offset)>(offset);
            append(file, placed);
            offset += contents_[i].size();
        }
        for (const Bytes& contents : contents_)
            file.insert(file.end(), contents.begin(), contents.end());
        return file;
    }

    Header header{};
    std::vector<ProgramHeader> program_headers;  // p_offset 0 means: where the contents are

  private:
    void add(std::uint32_t type, std::uint64_t virtual_address, std::uint64_t physical, Bytes contents,
             std::uint64_t memory_size, std::uint64_t alignment) {
        ProgramHeader added{};
        added.p_type = type;
        set(added.p_vaddr, virtual_address);
        set(added.p_paddr, physical);
        set(added.p_filesz, contents.size());
        set(added.p_memsz, memory_size);
        set(added.p_align, alignment);
        program_headers.push_back(added);
        contents_.push_back(std::move(contents));
    }

    template <typename Field>
    static void set(Field& field, std::uint64_t value) {
        field = static_cast<Field>(value);
    }

    static void append_note(Bytes& bytes, std::string_view name, std::uint32_t type, std::uint32_t value) {
        append(bytes, static_cast<std::uint32_t>(name.size() + 1));
        append(bytes, std::uint32_t{4});
        append(bytes, type);
        Bytes padded = to_bytes(name);
        padded.resize((name.size() + 1 + 3) / 4 * 4);
        bytes.insert(bytes.end(), padded.begin(), padded.end());
        append(bytes, value);
    }

    std::vector<Bytes> contents_;
};

using Elf32Builder = ElfBuilder<Elf32Types>;
using Elf64Builder = ElfBuilder<Elf64Types>;

}  // namespace ringside::boot
