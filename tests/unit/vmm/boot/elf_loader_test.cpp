#include "tests/unit/vmm/boot/boot_test.h"

namespace ringside::boot {
namespace {

using testing::HasSubstr;

class ElfLoaderTest : public BootTest {};

TEST_F(ElfLoaderTest, EntersElf32InProtectedMode) {
    const BootState state = loaded(Elf32Builder().entry(0x100002).segment(0x100000, "code").build());
    EXPECT_EQ(state.protocol, Protocol::Elf32);
    EXPECT_EQ(state.general.rip, 0x100002U);
    EXPECT_EQ(state.general.rsp, 0x7c00U);
    EXPECT_EQ(state.general.rflags, 2U);
    EXPECT_EQ(state.system.cr0, 0x11U);
    EXPECT_EQ(peek<char>(0x100003), 'e');
    EXPECT_EQ(state.summary, "ELF32, entry 0x100002, 1 segments up to 0x100004");
}

TEST_F(ElfLoaderTest, EntersElf64InLongModeAtThePhysicalAddress) {
    const BootState state = loaded(
        Elf64Builder().entry(0xffffffff80100001).segment(0xffffffff80100000, 0x100000, "code", 4).build());
    EXPECT_EQ(state.protocol, Protocol::Elf64);
    EXPECT_EQ(state.general.rip, 0x100001U);
    EXPECT_EQ(state.entry, Gpa{0x100001});
    EXPECT_EQ(state.system.efer, 0x500U);
    EXPECT_EQ(state.system.cr3, layout::kBootPageTables.value);
}

TEST_F(ElfLoaderTest, ZeroesBss) {
    const std::uint32_t garbage = 0xdeadbeef;
    ASSERT_TRUE(memory.write(Gpa{0x100004}, std::as_bytes(std::span(&garbage, 1))));
    loaded(Elf64Builder().entry(0x100000).segment(0x100000, 0x100000, "code", 8).build());
    EXPECT_EQ(peek<std::uint32_t>(0x100004), 0U);
}

TEST_F(ElfLoaderTest, NamesTheSegmentOutsideRam) {
    const std::string error = rejected(
        Elf64Builder().entry(0x100000).segment(0x100000, "code").segment(0x2000000, "far away").build());
    EXPECT_EQ(error,
              "load kernel.elf: segment 1 [0x2000000, 0x2000008) lies outside the guest's RAM of 16 MiB. "
              "Give the guest more memory: -m 33M");
    EXPECT_EQ(peek<std::uint32_t>(0x100000), 0U) << "nothing is written unless all fits";
}

TEST_F(ElfLoaderTest, RefusesAHugeBssAtOnce) {
    EXPECT_THAT(rejected(Elf64Builder().entry(0x100000).segment(0x100000, 0x100000, "c", 1ULL << 62).build()),
                HasSubstr("segment 0 [0x100000, 0x4000000000100000) lies outside"));
}

TEST_F(ElfLoaderTest, RefusesAnEntryInNoSegment) {
    EXPECT_THAT(rejected(Elf32Builder().entry(0x100004).segment(0x100000, "code").build()),
                HasSubstr("entry point 0x100004 lies in none of its segments"));
}

TEST_F(ElfLoaderTest, KeepsItsOwnTablesClear) {
    EXPECT_THAT(rejected(Elf64Builder().entry(0x30000).segment(0x30000, "code").build()),
                HasSubstr("segment 0 [0x30000, 0x30004) overlaps the boot page tables"));
    EXPECT_TRUE(load_bytes(Elf32Builder().entry(0x30000).segment(0x30000, "code").build()))
        << "which only long mode has";
    EXPECT_THAT(rejected(Elf32Builder().entry(0x500).segment(0x500, "code").build()),
                HasSubstr("overlaps the boot GDT"));
}

}  // namespace
}  // namespace ringside::boot
