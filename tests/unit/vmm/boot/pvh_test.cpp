#include "tests/unit/vmm/boot/boot_test.h"
#include "vmm/boot/memory_map.h"

namespace ringside::boot {
namespace {

using testing::HasSubstr;

class PvhTest : public BootTest {
  protected:
    static Bytes kernel(std::uint32_t entry = 0x100002) {
        return Elf64Builder()
            .entry(0x100000)
            .segment(0xffffffff80100000, 0x100000, "code", 0x1000)
            .pvh_note(entry)
            .build();
    }
};

TEST_F(PvhTest, EntersAtTheNoteWithStartInfo) {
    request.command_line = "console=ttyS0";
    const BootState state = loaded(kernel());
    EXPECT_EQ(state.protocol, Protocol::Pvh);
    EXPECT_EQ(state.general.rip, 0x100002U);
    EXPECT_EQ(state.system.cr0, 0x11U);
    EXPECT_EQ(state.system.cr4, 0U);
    EXPECT_EQ(state.general.rflags, 2U);

    const std::uint64_t info = state.general.rbx;
    EXPECT_EQ(peek<std::uint32_t>(info), 0x336ec578U);
    EXPECT_EQ(peek<std::uint32_t>(info + 4), 1U);
    EXPECT_EQ(peek<std::uint32_t>(info + 12), 0U);
    EXPECT_EQ(text_at(peek<std::uint64_t>(info + 24)), "console=ttyS0");
    EXPECT_EQ(peek<std::uint64_t>(info + 32), 0U);

    const auto map = peek<std::uint64_t>(info + 40);
    const auto expected = memory_map(memory);
    ASSERT_EQ(peek<std::uint32_t>(info + 48), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(peek<std::uint64_t>(map + 24 * i), expected[i].start.value);
        EXPECT_EQ(peek<std::uint64_t>(map + 24 * i + 8), expected[i].size);
        EXPECT_EQ(peek<std::uint32_t>(map + 24 * i + 16), static_cast<std::uint32_t>(expected[i].type));
    }
}

TEST_F(PvhTest, PassesInitrdAndRsdp) {
    request.modules = {{"initrd", "initrd"}};
    request.acpi = acpi::Machine{};
    const BootState state = loaded(kernel(), to_bytes("the initrd"));
    const std::uint64_t info = state.general.rbx;
    EXPECT_EQ(peek<std::uint64_t>(info + 32), 0xe0000U);
    ASSERT_EQ(peek<std::uint32_t>(info + 12), 1U);
    const auto module = peek<std::uint64_t>(info + 16);
    EXPECT_EQ(peek<std::uint64_t>(module + 8), 10U);
    EXPECT_EQ(text_at(peek<std::uint64_t>(module)), "the initrd");
}

TEST_F(PvhTest, RefusesABadEntry) {
    EXPECT_THAT(rejected(kernel(0x101000)),
                HasSubstr("PVH entry point 0x101000 lies in none of its segments"));
}

TEST_F(PvhTest, RefusesALongCommandLine) {
    request.command_line = std::string(4095, 'a');
    EXPECT_TRUE(load_bytes(kernel()));
    request.command_line += "b";
    EXPECT_THAT(rejected(kernel()), HasSubstr("the command line of 4096 characters is longer than 4095"));
}

TEST_F(PvhTest, ForcedNeedsTheNote) {
    request.protocol = Protocol::Pvh;
    EXPECT_THAT(rejected(Elf64Builder().entry(0x100000).segment(0x100000, "code").build()),
                HasSubstr("no PVH note"));
    EXPECT_THAT(rejected(to_bytes("not an ELF file")), HasSubstr("it is no ELF file"));
}

TEST_F(PvhTest, KeepsBootInformationClear) {
    const Bytes low = Elf64Builder().entry(0x10000).segment(0x10000, "code").pvh_note(0x10000).build();
    EXPECT_THAT(rejected(low), HasSubstr("overlaps the boot information at [0x10000, 0x20000)"));
}

}  // namespace
}  // namespace ringside::boot
