#include "tests/unit/vmm/boot/boot_test.h"
#include "vmm/boot/memory_map.h"
#include "vmm/boot/multiboot1_header.h"

namespace ringside::boot {
namespace {

using testing::HasSubstr;

std::string header(std::uint32_t flags) {
    return words({0x1badb002, flags, 0U - 0x1badb002 - flags});
}

Bytes elf_kernel(std::uint32_t flags = 3) {
    return Elf32Builder().entry(0x10000c).segment(0x100000, header(flags) + "code").build();
}

class Multiboot1Test : public BootTest {};

TEST_F(Multiboot1Test, EntersWithMagicAndInformation) {
    request.command_line = "verbose";
    const BootState state = loaded(elf_kernel());
    EXPECT_EQ(state.protocol, Protocol::Multiboot1);
    EXPECT_EQ(state.general.rip, 0x10000cU);
    EXPECT_EQ(state.general.rax, 0x2badb002U);
    EXPECT_EQ(state.system.cr0, 0x11U);

    const std::uint64_t info = state.general.rbx;
    EXPECT_EQ(peek<std::uint32_t>(info), 0x245U);  // memory, command line, memory map, loader's name
    EXPECT_EQ(peek<std::uint32_t>(info + 4), 639U);
    EXPECT_EQ(peek<std::uint32_t>(info + 8), 15U * 1024);
    EXPECT_EQ(text_at(peek<std::uint32_t>(info + 16)), "kernel.elf verbose");
    EXPECT_EQ(text_at(peek<std::uint32_t>(info + 64)), "Ringside");
}

TEST_F(Multiboot1Test, MemoryMapCanBeWalked) {
    const std::uint64_t info = loaded(elf_kernel()).general.rbx;
    std::uint64_t entry = peek<std::uint32_t>(info + 48);
    const std::uint64_t end = entry + peek<std::uint32_t>(info + 44);
    for (const MemoryMapEntry& expected : memory_map(memory)) {
        ASSERT_LT(entry, end);
        EXPECT_EQ(peek<std::uint64_t>(entry + 4), expected.start.value);
        EXPECT_EQ(peek<std::uint64_t>(entry + 12), expected.size);
        EXPECT_EQ(peek<std::uint32_t>(entry + 20), static_cast<std::uint32_t>(expected.type));
        entry += peek<std::uint32_t>(entry) + 4;
    }
    EXPECT_EQ(entry, end);
}

TEST_F(Multiboot1Test, PassesTheInitrdAsAModule) {
    request.modules = {{"initrd.img", "initrd.img"}};
    const std::uint64_t info = loaded(elf_kernel(), to_bytes("the module")).general.rbx;
    EXPECT_EQ(peek<std::uint32_t>(info) & 8, 8U);
    ASSERT_EQ(peek<std::uint32_t>(info + 20), 1U);
    const auto module = peek<std::uint32_t>(info + 24);
    EXPECT_EQ(peek<std::uint32_t>(module) % layout::kPage, 0U);
    EXPECT_EQ(text_at(peek<std::uint32_t>(module)), "the module");
    EXPECT_EQ(peek<std::uint32_t>(module + 4), peek<std::uint32_t>(module) + 10);
    EXPECT_EQ(text_at(peek<std::uint32_t>(module + 8)), "initrd.img");
}

TEST_F(Multiboot1Test, PassesSeveralModulesEachWithItsWords) {
    request.modules = {{"first", "first a=b"}, {"second", "second"}};
    const auto state = load_with(elf_kernel(), {to_bytes("one"), to_bytes("two")});
    ASSERT_TRUE(state);
    const std::uint64_t info = state->general.rbx;
    ASSERT_EQ(peek<std::uint32_t>(info + 20), 2U);
    const auto modules = peek<std::uint32_t>(info + 24);
    EXPECT_EQ(text_at(peek<std::uint32_t>(modules)), "one");
    EXPECT_EQ(text_at(peek<std::uint32_t>(modules + 8)), "first a=b");
    EXPECT_EQ(text_at(peek<std::uint32_t>(modules + 16)), "two");
    EXPECT_EQ(text_at(peek<std::uint32_t>(modules + 24)), "second");
    EXPECT_LE(peek<std::uint32_t>(modules + 20), peek<std::uint32_t>(modules)) << "they do not overlap";
}

// Flags bit 16: the header's addresses count, and the file may be anything.
class Multiboot1AddressTest : public BootTest {
  protected:
    // 16 bytes of prefix, the header at 0x10, code after it; loaded at 0x100000.
    static Bytes file(std::uint32_t load_end = 0, std::uint32_t bss_end = 0,
                      std::uint32_t header_address = 0x100010, std::uint32_t load_address = 0x100000,
                      std::uint32_t entry = 0x100030) {
        return to_bytes(std::string(16, 'p') + header(0x10000) +
                        words({header_address, load_address, load_end, bss_end, entry}) + "code and data");
    }
};

TEST_F(Multiboot1AddressTest, LoadsTheWholeFile) {
    const BootState state = loaded(file());
    EXPECT_EQ(state.protocol, Protocol::Multiboot1);
    EXPECT_EQ(state.entry, Gpa{0x100030});
    EXPECT_EQ(peek<char>(0x100000), 'p');
    EXPECT_EQ(text_at(0x100030), "code and data");
}

TEST_F(Multiboot1AddressTest, SkipsWhatPrecedesTheLoadAddress) {
    loaded(file(0, 0, 0x100000, 0x100000, 0x100020));
    EXPECT_EQ(peek<std::uint32_t>(0x100000), 0x1badb002U);
}

TEST_F(Multiboot1AddressTest, StopsAtLoadEndAndZeroesBss) {
    const std::uint64_t garbage = ~std::uint64_t{0};
    ASSERT_TRUE(memory.write(Gpa{0x100034}, std::as_bytes(std::span(&garbage, 1))));
    loaded(file(0x100034, 0x100038));
    EXPECT_EQ(text_at(0x100030), "code");
    EXPECT_EQ(peek<std::uint32_t>(0x100038), 0xffffffffU) << "past the bss nothing is touched";
}

TEST_F(Multiboot1AddressTest, RefusesAddressesThatLie) {
    EXPECT_THAT(rejected(file(0x200000)), HasSubstr("truncated: its multiboot header loads 0x100000 bytes"));
    EXPECT_THAT(rejected(file(0xfffff)), HasSubstr("below its start"));
    EXPECT_THAT(rejected(file(0, 0, 0x100011)), HasSubstr("does not fit its header address"));
    EXPECT_THAT(rejected(file(0, 0, 0xffff0)), HasSubstr("does not fit its header address"));
    EXPECT_THAT(rejected(file(0, 0xffffffff)), HasSubstr("lies outside the guest's RAM"));
    EXPECT_THAT(rejected(file(0, 0, 0x100010, 0x100000, 0x200000)), HasSubstr("entry point 0x200000"));
}

TEST_F(Multiboot1Test, RefusesUnknownRequirements) {
    EXPECT_THAT(rejected(elf_kernel(0x8003)), HasSubstr("flags 0x8000"));
    EXPECT_TRUE(load_bytes(elf_kernel(7))) << "a video mode is passed over";
}

TEST_F(Multiboot1Test, ForcedNeedsAHeader) {
    request.protocol = Protocol::Multiboot1;
    EXPECT_THAT(rejected(to_bytes("nothing here")), HasSubstr("no multiboot 1 header"));
}

TEST(Multiboot1Header, IsFoundInTheFirst8KiBOnAWordBoundary) {
    const auto at = [](std::size_t offset) {
        const Bytes file = to_bytes(std::string(offset, '\0') + header(3));
        return find_multiboot1_header(file).has_value();
    };
    EXPECT_TRUE(at(0));
    EXPECT_TRUE(at(8192 - 12));
    EXPECT_FALSE(at(8192 - 8));
    EXPECT_FALSE(at(2));
}

TEST(Multiboot1Header, NeedsItsChecksumAndItsAddresses) {
    const Bytes wrong = to_bytes(words({0x1badb002, 3, 0}));
    EXPECT_FALSE(find_multiboot1_header(wrong));
    const Bytes cut = to_bytes(header(0x10000) + words({1, 2, 3, 4}));
    EXPECT_FALSE(find_multiboot1_header(cut));
}

}  // namespace
}  // namespace ringside::boot
