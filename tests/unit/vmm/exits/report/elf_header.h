// The header of small ELF files that tests make.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ringside::exits {

// Of an executable with four sections, whose headers are at `sections`.
template <typename Header, typename Section>
Header make_elf_header(unsigned char elf_class, std::uint16_t machine, std::size_t sections) {
    Header header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = elf_class;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = machine;
    header.e_version = EV_CURRENT;
    header.e_ehsize = sizeof(Header);
    header.e_shoff = static_cast<decltype(header.e_shoff)>(sections);
    header.e_shentsize = sizeof(Section);
    header.e_shnum = 4;
    return header;
}

}  // namespace ringside::exits
