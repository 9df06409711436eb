#include "vmm/exits/report/code_width.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>

#include "tests/unit/vmm/exits/report/elf_header.h"
#include "tests/unit/vmm/exits/temporary_file.h"

namespace ringside::exits {
namespace {

// The header of a compilation unit (DWARF 4, 7.5.1.1), followed by an empty unit.
std::string unit(std::uint8_t address_bytes) {
    std::string bytes{'\x08', 0, 0, 0, '\x04', 0, 0, 0, 0, 0};
    bytes += static_cast<char>(address_bytes);
    return bytes + '\0';
}

// An ELF file with nothing but .debug_info and an empty .debug_abbrev, and the sections' names.
template <typename Header, typename Section>
std::string make_elf(unsigned char elf_class, const std::string& debug_info) {
    const std::string names("\0.debug_info\0.debug_abbrev\0.shstrtab\0", 37);
    const std::array<std::string, 3> contents = {debug_info, std::string(1, '\0'), names};
    const std::array<std::uint32_t, 3> name_offsets = {1, 13, 27};
    std::string body;
    std::array<Section, 4> sections{};
    for (std::size_t i = 0; i < contents.size(); ++i) {
        Section& section = sections[i + 1];
        section.sh_name = name_offsets[i];
        section.sh_type = i == 2 ? SHT_STRTAB : SHT_PROGBITS;
        section.sh_offset = static_cast<decltype(section.sh_offset)>(sizeof(Header) + body.size());
        section.sh_size = static_cast<decltype(section.sh_size)>(contents[i].size());
        section.sh_addralign = 1;
        body += contents[i];
    }
    auto header = make_elf_header<Header, Section>(elf_class, EM_386, sizeof(Header) + body.size());
    header.e_shstrndx = 3;
    std::string file(reinterpret_cast<const char*>(&header), sizeof header);
    return file + body + std::string(reinterpret_cast<const char*>(sections.data()), sizeof sections);
}

std::optional<unsigned> of_elf32(const std::string& debug_info) {
    const TemporaryFile file(make_elf<Elf32_Ehdr, Elf32_Shdr>(ELFCLASS32, debug_info));
    return code_address_bytes(file.path());
}

TEST(CodeWidth, Of64BitFileIs8WhateverItsUnitsSay) {
    const TemporaryFile file(make_elf<Elf64_Ehdr, Elf64_Shdr>(ELFCLASS64, unit(4)));
    EXPECT_EQ(code_address_bytes(file.path()), 8);
}

TEST(CodeWidth, Of32BitFileIsThatOfItsWidestUnit) {
    EXPECT_EQ(of_elf32(unit(4)), 4);
    EXPECT_EQ(of_elf32(unit(4) + unit(4)), 4);
    EXPECT_EQ(of_elf32(unit(8)), 8);
    EXPECT_EQ(of_elf32(unit(4) + unit(8) + unit(4)), 8);
}

TEST(CodeWidth, IsNotKnownWithoutDebugInformation) {
    EXPECT_EQ(of_elf32(""), std::nullopt);
    EXPECT_EQ(code_address_bytes("/nonexistent"), std::nullopt);
    const TemporaryFile text(std::string("#!/bin/sh\n"));
    EXPECT_EQ(code_address_bytes(text.path()), std::nullopt);
}

TEST(CodeWidth, IsNotKnownIfTheDebugInformationIsDamaged) {
    std::string abbreviations_elsewhere = unit(4);
    abbreviations_elsewhere[6] = '\x7f';
    EXPECT_EQ(of_elf32(unit(4) + abbreviations_elsewhere), std::nullopt);
}

}  // namespace
}  // namespace ringside::exits
