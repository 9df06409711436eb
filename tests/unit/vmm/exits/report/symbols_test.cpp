#include "vmm/exits/report/symbols.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string>

#include "tests/unit/vmm/exits/report/elf_header.h"
#include "tests/unit/vmm/exits/temporary_file.h"

namespace ringside::exits {
namespace {

using testing::HasSubstr;

// The smallest ELF file with code symbols: header, .text, .symtab, .strtab, section headers.
template <typename Header, typename Section, typename Sym>
std::string make_elf(unsigned char elf_class, std::uint16_t machine) {
    const std::string names("\0first\0second\0label\0data\0", 25);
    constexpr auto kText = 0x100000;
    const auto symbol = [](std::uint32_t name, unsigned type, std::uint32_t value, std::uint32_t size) {
        Sym entry{};
        entry.st_name = name;
        entry.st_info = static_cast<unsigned char>(STB_GLOBAL << 4 | type);
        entry.st_shndx = 1;
        entry.st_value = value;
        entry.st_size = size;
        return entry;
    };
    const std::array<Sym, 5> symbols = {
        Sym{}, symbol(1, STT_FUNC, kText, 0x10), symbol(7, STT_FUNC, kText + 0x20, 0x20),
        symbol(14, STT_NOTYPE, kText + 0x60, 0), symbol(20, STT_OBJECT, kText + 0x70, 8)};
    std::array<Section, 4> sections{};
    sections[1].sh_type = SHT_PROGBITS;
    sections[1].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
    sections[1].sh_addr = kText;
    sections[1].sh_offset = sizeof(Header);
    sections[1].sh_size = 0x80;
    sections[2].sh_type = SHT_SYMTAB;
    sections[2].sh_offset = sizeof(Header) + 0x80;
    sections[2].sh_size = sizeof(symbols);
    sections[2].sh_link = 3;
    sections[2].sh_entsize = sizeof(Sym);
    sections[3].sh_type = SHT_STRTAB;
    sections[3].sh_offset = sections[2].sh_offset + sizeof(symbols);
    sections[3].sh_size = static_cast<decltype(sections[3].sh_size)>(names.size());

    auto header = make_elf_header<Header, Section>(elf_class, machine, sections[3].sh_offset + 32);

    std::string file(reinterpret_cast<const char*>(&header), sizeof header);
    file.append(0x80, '\x90');
    file.append(reinterpret_cast<const char*>(symbols.data()), sizeof symbols);
    file.append(names).append(32 - names.size(), '\0');
    file.append(reinterpret_cast<const char*>(sections.data()), sizeof sections);
    return file;
}

std::string elf64() {
    return make_elf<Elf64_Ehdr, Elf64_Shdr, Elf64_Sym>(ELFCLASS64, EM_X86_64);
}
std::string elf32() {
    return make_elf<Elf32_Ehdr, Elf32_Shdr, Elf32_Sym>(ELFCLASS32, EM_386);
}

void expect_symbols(const std::string& elf) {
    const TemporaryFile file(elf);
    const auto table = SymbolTable::load(file.path());
    ASSERT_TRUE(table) << table.error().message();
    EXPECT_EQ(table->size(), 3U) << "data is no code";
    EXPECT_EQ(table->describe(0x100000), "first");
    EXPECT_EQ(table->describe(0x10000f), "first+0xf");
    EXPECT_EQ(table->describe(0x100010), "") << "between two functions";
    EXPECT_EQ(table->describe(0x100030), "second+0x10");
    EXPECT_EQ(table->describe(0x10007f), "label+0x1f") << "an unsized label goes on to its section's end";
    EXPECT_EQ(table->describe(0x100080), "");
    EXPECT_EQ(table->describe(0xfffff), "");
    EXPECT_EQ(table->address_of("second"), 0x100020U);
    EXPECT_FALSE(table->address_of("third"));
}

TEST(Symbols, Elf64) {
    expect_symbols(elf64());
}
TEST(Symbols, Elf32) {
    expect_symbols(elf32());
}

TEST(Symbols, CppNamesWithoutParameters) {
    EXPECT_EQ(readable_name("_ZN5guest5writeEc"), "guest::write");
    EXPECT_EQ(readable_name("_ZN12_GLOBAL__N_16wantedERKN5guest11CommandLineERK4Kind"),
              "(anonymous namespace)::wanted");
    EXPECT_EQ(readable_name("_Z3runPFviE"), "run") << "a parameter with parentheses of its own";
    EXPECT_EQ(readable_name("start_kernel"), "start_kernel");
    EXPECT_EQ(readable_name("_Zno such encoding"), "_Zno such encoding");
}

TEST(Symbols, OneNameForEachAddress) {
    const SymbolTable table({{0x2000, 0, "later"}, {0x1000, 0, "kept"}, {0x1000, 0, "alias"}});
    EXPECT_EQ(table.size(), 2U);
    EXPECT_EQ(table.describe(0x1fff), "kept+0xfff");
    EXPECT_EQ(table.describe(0x5000), "later+0x3000");
}

TEST(Symbols, EmptyTableKnowsNothing) {
    EXPECT_EQ(SymbolTable().describe(0), "");
    EXPECT_FALSE(SymbolTable().find(~std::uint64_t{0}));
}

TEST(Symbols, ErrorsSayWhatIsWrong) {
    const auto missing = SymbolTable::load("/nonexistent/vmlinux");
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message(), HasSubstr("/nonexistent/vmlinux: No such file"));

    const TemporaryFile text(std::string("#!/bin/sh\n"));
    const auto not_elf = SymbolTable::load(text.path());
    ASSERT_FALSE(not_elf);
    EXPECT_THAT(not_elf.error().message(), HasSubstr("not an ELF file"));

    std::string stripped = elf64();
    stripped[offsetof(Elf64_Ehdr, e_shnum)] = 2;
    const TemporaryFile file(stripped);
    const auto no_table = SymbolTable::load(file.path());
    ASSERT_FALSE(no_table);
    EXPECT_THAT(no_table.error().message(), HasSubstr("--symbols FILE"));

    EXPECT_FALSE(SymbolTable::load("/"));
}

// Whatever a file says, loading it ends and touches no memory that it must not (the sanitizers watch).
TEST(Symbols, SurvivesTruncationAnywhere) {
    for (const std::string& whole : {elf64(), elf32()}) {
        const TemporaryFile file;
        for (std::size_t size = 0; size < whole.size(); ++size) {
            file.write(std::span(whole).first(size));
            const auto table = SymbolTable::load(file.path());
            EXPECT_LE(table ? table->size() : 0U, 3U);
        }
    }
}

TEST(Symbols, SurvivesDamageAnywhere) {
    for (const std::string& whole : {elf64(), elf32()}) {
        const TemporaryFile file;
        for (std::size_t i = 0; i < whole.size(); ++i)
            for (const char value : {'\xff', '\x7f', '\x00'}) {
                std::string damaged = whole;
                damaged[i] = value;
                file.write(damaged);
                const auto table = SymbolTable::load(file.path());
                EXPECT_LE(table ? table->size() : 0U, 5U);
            }
    }
}

TEST(Symbols, ASlideMovesEveryOne) {
    SymbolTable table({{0xffffffff81000000, 0x100, "_text"}});
    table.set_slide(0x1200000);
    EXPECT_EQ(table.describe(0xffffffff82200004), "_text+0x4");
    EXPECT_EQ(table.describe(0xffffffff81000000), "");
    EXPECT_EQ(table.address_of("_text"), 0xffffffff82200000);
    table.set_slide(-0x1000);
    EXPECT_EQ(table.describe(0xffffffff80fff000), "_text");
    EXPECT_EQ(table.address_of("_text"), 0xffffffff80fff000);
    table.set_slide(0);
    EXPECT_EQ(table.describe(0xffffffff81000000), "_text");
}

}  // namespace
}  // namespace ringside::exits
