#include "vmm/boot/elf_image.h"

#include "tests/unit/vmm/boot/boot_test.h"

namespace ringside::boot {
namespace {

using testing::HasSubstr;

std::string error_of(Bytes file) {
    const auto image = parse_elf(file);
    EXPECT_FALSE(image);
    return image ? "" : image.error().message();
}

Elf64Builder good() {
    Elf64Builder elf;
    elf.entry(0x100000).segment(0x100000, "code");
    return elf;
}

TEST(ElfImage, ReadsSegmentsAndEntry) {
    Bytes file = good().segment(0xffffffff80200000, 0x200000, "data", 0x1000).build();
    const auto image = parse_elf(file);
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_TRUE(image->is_64);
    EXPECT_EQ(image->entry, 0x100000U);
    ASSERT_EQ(image->segments.size(), 2U);
    EXPECT_EQ(image->segments[1].physical, Gpa{0x200000});
    EXPECT_EQ(image->segments[1].file_size, 4U);
    EXPECT_EQ(image->segments[1].memory_size, 0x1000U);
    EXPECT_EQ(image->end(), Gpa{0x201000});
    EXPECT_FALSE(image->pvh_entry);
}

TEST(ElfImage, TranslatesAVirtualEntry) {
    Bytes file =
        Elf64Builder().entry(0xffffffff80100010).segment(0xffffffff80100000, 0x100000, "code", 0x100).build();
    EXPECT_EQ(parse_elf(file)->physical_entry(), Gpa{0x100010});
    file = Elf64Builder().entry(0x100010).segment(0xffffffff80100000, 0x100000, "code", 0x100).build();
    EXPECT_EQ(parse_elf(file)->physical_entry(), Gpa{0x100010}) << "already physical, as in Linux";
    file = Elf64Builder().entry(0x100100).segment(0xffffffff80100000, 0x100000, "code", 0x100).build();
    EXPECT_EQ(parse_elf(file)->physical_entry(), std::nullopt);
}

TEST(ElfImage, FindsThePvhNote) {
    Bytes file = good().pvh_note(0x1000030).build();
    EXPECT_EQ(parse_elf(file)->pvh_entry, 0x1000030U);
    file = good().note("Xen", 17, 1).build();
    EXPECT_FALSE(parse_elf(file)->pvh_entry);
    file = good().note("Zen", 18, 1).build();
    EXPECT_FALSE(parse_elf(file)->pvh_entry);
}

TEST(ElfImage, SurvivesNotesThatLie) {
    // Each 4-byte word of the notes in turn claims to be enormous.
    Elf64Builder elf = good().pvh_note(0x100000);
    const Bytes file = elf.build();
    const std::size_t notes = file.size() - elf.program_headers[1].p_filesz;
    for (std::size_t offset = notes; offset + 4 <= file.size(); offset += 4) {
        Bytes damaged = file;
        std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(offset), 4, std::byte{0xff});
        EXPECT_TRUE(parse_elf(damaged)) << offset;
    }
    elf.program_headers[1].p_filesz = ~std::uint64_t{0};
    EXPECT_TRUE(parse_elf(*std::make_unique<Bytes>(elf.build())));
    elf.program_headers[1].p_offset = ~std::uint64_t{0} - 4;
    EXPECT_TRUE(parse_elf(*std::make_unique<Bytes>(elf.build())));
}

TEST(ElfImage, EveryTruncationIsAnErrorOrNothingIsMissing) {
    const Bytes file = good().pvh_note(0x100000).segment(0x200000, "the last segment").build();
    for (std::size_t size = 0; size < file.size(); ++size) {
        Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(parse_elf(cut)) << size;
    }
    Bytes whole = file;
    EXPECT_TRUE(parse_elf(whole));
}

TEST(ElfImage, NamesWhatIsTruncated) {
    Bytes file = good().build();
    file.resize(20);
    EXPECT_THAT(error_of(file), HasSubstr("ELF header"));
    file = good().build();
    file.resize(sizeof(Elf64_Ehdr) + 3);
    EXPECT_THAT(error_of(file), HasSubstr("truncated: 1 program headers at 0x40"));
    file = good().build();
    file.pop_back();
    EXPECT_THAT(error_of(file), HasSubstr("truncated: segment 0 needs 0x4 bytes"));
}

TEST(ElfImage, RefusesOtherMachinesAndKinds) {
    Elf64Builder elf = good();
    elf.header.e_machine = EM_AARCH64;
    EXPECT_THAT(error_of(elf.build()), HasSubstr("64-bit ELF file for machine type 183"));
    elf = good();
    elf.header.e_ident[EI_DATA] = ELFDATA2MSB;
    EXPECT_FALSE(parse_elf(*std::make_unique<Bytes>(elf.build())));
    elf = good();
    elf.header.e_type = ET_REL;
    EXPECT_THAT(error_of(elf.build()), HasSubstr("object file. Link it first"));
    elf = good();
    elf.header.e_type = ET_CORE;
    EXPECT_THAT(error_of(elf.build()), HasSubstr("ELF type 4"));
    EXPECT_THAT(error_of(Elf64Builder().build()), HasSubstr("no program headers"));
    EXPECT_THAT(error_of(Elf64Builder().pvh_note(1).build()), HasSubstr("no segment to load"));
}

TEST(ElfImage, RefusesSegmentsThatLie) {
    Elf64Builder elf = good();
    elf.program_headers[0].p_memsz = 1;
    EXPECT_THAT(error_of(elf.build()), HasSubstr("more bytes in the file (0x4) than in memory (0x1)"));
    elf = good();
    elf.program_headers[0].p_memsz = ~std::uint64_t{0};
    EXPECT_THAT(error_of(elf.build()), HasSubstr("wraps around"));
    elf = good();
    elf.program_headers[0].p_offset = ~std::uint64_t{0} - 1;
    EXPECT_THAT(error_of(elf.build()), HasSubstr("truncated: segment 0"));
    EXPECT_THAT(error_of(good().segment(0x100003, "x").build()),
                HasSubstr("segments 0 [0x100000, 0x100004) and 1 [0x100003, 0x100004) overlap"));
}

TEST(ElfImage, AllowsSegmentsThatTouch) {
    Bytes file = good().segment(0x100004, "more").build();
    EXPECT_TRUE(parse_elf(file));
}

}  // namespace
}  // namespace ringside::boot
