#include "tests/unit/vmm/boot/boot_test.h"
#include "vmm/boot/memory_map.h"
#include "vmm/boot/multiboot2_header.h"

namespace ringside::boot {
namespace {

using testing::HasSubstr;

// A header with the given tags and an end tag.
std::string header(const std::string& tags = {}, std::uint32_t architecture = 0) {
    const auto size = static_cast<std::uint32_t>(16 + tags.size() + 8);
    return words({0xe85250d6, architecture, size, 0U - 0xe85250d6 - architecture - size}) + tags +
           words({0, 8});
}

// With a pad behind the ELF headers of 84 bytes, so that the header lies on 8 bytes in the file.
Bytes elf_kernel(const std::string& tags = {}) {
    return Elf32Builder().entry(0x100000).segment(0x100000, "pad_" + header(tags) + "code").build();
}

class Multiboot2Test : public BootTest {
  protected:
    // The body of the first tag of a type.
    std::optional<std::uint64_t> tag(const BootState& state, std::uint32_t type) {
        const std::uint64_t info = state.general.rbx;
        const std::uint64_t end = info + peek<std::uint32_t>(info);
        for (std::uint64_t at = info + 8; at < end; at += (peek<std::uint32_t>(at + 4) + 7U) & ~7U) {
            if (peek<std::uint32_t>(at) == type)
                return at + 8;
            if (peek<std::uint32_t>(at) == 0)
                break;
        }
        return std::nullopt;
    }
};

TEST_F(Multiboot2Test, EntersWithMagicAndInformation) {
    request.command_line = "verbose";
    const BootState state = loaded(elf_kernel());
    EXPECT_EQ(state.protocol, Protocol::Multiboot2);
    EXPECT_EQ(state.general.rip, 0x100000U);
    EXPECT_EQ(state.general.rax, 0x36d76289U);
    EXPECT_EQ(state.general.rbx % 8, 0U);
    EXPECT_EQ(state.system.cr0, 0x11U);
    EXPECT_EQ(text_at(tag(state, 1).value()), "kernel.elf verbose");
    EXPECT_EQ(text_at(tag(state, 2).value()), "Ringside");
    EXPECT_EQ(peek<std::uint32_t>(tag(state, 4).value()), 639U);
    EXPECT_EQ(tag(state, 3), std::nullopt);
    EXPECT_EQ(tag(state, 15), std::nullopt);
}

// Xen finds conventional memory so, with no BIOS in sight.
TEST_F(Multiboot2Test, HasABiosDataArea) {
    loaded(elf_kernel());
    EXPECT_EQ(peek<std::uint16_t>(0x40e), 0x9fc0);
    EXPECT_EQ(peek<std::uint16_t>(0x413), 639);
}

TEST_F(Multiboot2Test, PassesTheMemoryMap) {
    const BootState state = loaded(elf_kernel());
    const std::uint64_t map = tag(state, 6).value();
    ASSERT_EQ(peek<std::uint32_t>(map), 24U);
    const auto expected = memory_map(memory);
    ASSERT_EQ(peek<std::uint32_t>(map - 4), 16 + 24 * expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(peek<std::uint64_t>(map + 8 + 24 * i), expected[i].start.value);
        EXPECT_EQ(peek<std::uint64_t>(map + 16 + 24 * i), expected[i].size);
        EXPECT_EQ(peek<std::uint32_t>(map + 24 + 24 * i), static_cast<std::uint32_t>(expected[i].type));
    }
}

TEST_F(Multiboot2Test, PassesModuleAndRsdp) {
    request.modules = {{"initrd.img", "initrd.img"}};
    request.acpi = acpi::Machine{};
    ASSERT_TRUE(memory.write(Gpa{0xe0000}, to_bytes("RSD PTR ")));
    const BootState state = loaded(elf_kernel(), to_bytes("the module"));
    const std::uint64_t module = tag(state, 3).value();
    EXPECT_EQ(text_at(peek<std::uint32_t>(module)), "the module");
    EXPECT_EQ(peek<std::uint32_t>(module + 4), peek<std::uint32_t>(module) + 10);
    EXPECT_EQ(text_at(module + 8), "initrd.img");
    EXPECT_EQ(peek<std::uint64_t>(tag(state, 15).value()), 0x2052545020445352U);
}

TEST_F(Multiboot2Test, PassesATagForEachModule) {
    request.modules = {{"first", "first a=b"}, {"second", "second"}};
    const auto state = load_with(elf_kernel(), {to_bytes("one"), to_bytes("two")});
    ASSERT_TRUE(state);
    const std::uint64_t first = tag(*state, 3).value();
    EXPECT_EQ(text_at(peek<std::uint32_t>(first)), "one");
    EXPECT_EQ(text_at(first + 8), "first a=b");
    const std::uint64_t next = first - 8 + ((peek<std::uint32_t>(first - 4) + 7U) & ~7U);
    ASSERT_EQ(peek<std::uint32_t>(next), 3U);
    EXPECT_EQ(text_at(peek<std::uint32_t>(next + 8)), "two");
    EXPECT_EQ(text_at(next + 16), "second");
}

TEST_F(Multiboot2Test, HeedsAddressAndEntryTags) {
    // The header at 0x10, the file's beginning at 0x200000, an entry after both tags.
    const std::string tags = words({2, 24, 0x200010, 0x200000, 0, 0x201000}) + words({3, 12, 0x200050, 0});
    const Bytes file = to_bytes(std::string(16, 'p') + header(tags) + "code and data");
    const BootState state = loaded(file);
    EXPECT_EQ(state.general.rip, 0x200050U);
    EXPECT_EQ(peek<char>(0x200000), 'p');
    EXPECT_EQ(peek<std::uint32_t>(0x200010), 0xe85250d6U);
    EXPECT_EQ(peek<char>(0x200fff), '\0');
}

TEST_F(Multiboot2Test, PassesOverWhatIsOptional) {
    EXPECT_TRUE(load_bytes(elf_kernel(words({0x10000 | 77, 8}))));
    EXPECT_THAT(rejected(elf_kernel(words({77, 8}))),
                HasSubstr("requires a feature that does not exist (tag type 77)"));
}

TEST_F(Multiboot2Test, RefusesDamage) {
    EXPECT_THAT(rejected(elf_kernel(words({3, 8}))), HasSubstr("reaches beyond the header"));
    EXPECT_THAT(rejected(elf_kernel(words({1, 0}))), HasSubstr("reaches beyond the header"));
    EXPECT_THAT(rejected(elf_kernel(words({1, 4000}))), HasSubstr("reaches beyond the header"));
    EXPECT_THAT(rejected(to_bytes(header({}, 4))), HasSubstr("for architecture 4"));
    const Bytes cut = to_bytes(words({0xe85250d6, 0, 400, 0U - 0xe85250d6 - 400}));
    EXPECT_THAT(rejected(cut), HasSubstr("reaches beyond the file"));
    request.protocol = Protocol::Multiboot2;
    EXPECT_THAT(rejected(to_bytes("no header")), HasSubstr("no multiboot 2 header"));
}

TEST(Multiboot2HeaderTest, LiesOnEightBytesInTheFirst32KiB) {
    const auto at = [](std::size_t offset) {
        return has_multiboot2_header(to_bytes(std::string(offset, '\0') + header()));
    };
    EXPECT_TRUE(at(0));
    EXPECT_TRUE(at(8));
    EXPECT_FALSE(at(4));
    EXPECT_TRUE(at(32768 - 16));
    EXPECT_FALSE(at(32768));
}

}  // namespace
}  // namespace ringside::boot
