#include <fmt/format.h>

#include <set>

#include "tests/unit/vmm/boot/boot_test.h"
#include "tests/unit/vmm/boot/linux/bzimage_builder.h"
#include "tests/unit/vmm/boot/linux/packers.h"
#include "vmm/boot/detect.h"
#include "vmm/boot/linux/command_line.h"
#include "vmm/boot/memory_map.h"

namespace ringside::boot {
namespace {

using namespace linux_boot;
using testing::HasSubstr;

constexpr std::uint64_t kText = 0x200000;  // physical
constexpr std::uint64_t kTextSize = 0x1000;

// A kernel of one segment with words to relocate at 8, 16 and 24, its section headers (none) at its end, and
// the relocations after it.
Bytes vmlinux(bool with_relocations = true) {
    std::string code = "Linux version 0 ";
    code.resize(kTextSize);
    const std::uint64_t word64 = 0xffffffff80200123;
    const std::uint32_t inverse = 0x1000;
    const std::uint32_t word32 = 0x80200456;
    std::memcpy(code.data() + 0x20, &word64, sizeof word64);
    std::memcpy(code.data() + 0x28, &inverse, sizeof inverse);
    std::memcpy(code.data() + 0x2c, &word32, sizeof word32);
    Elf64Builder builder;
    builder.entry(kText + 0x40).segment(0xffffffff80000000 + kText, kText, code, kTextSize);
    builder.header.e_shoff = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) + kTextSize;
    Bytes file = builder.build();
    if (with_relocations) {
        for (const std::uint32_t word : {0U, 0x80200020U, 0U, 0x80200028U, 0U, 0x8020002cU})
            append(file, word);
    }
    return file;
}

class LinuxTest : public BootTest {
  protected:
    static Bytes bzimage(const Bytes& kernel = vmlinux()) {
        return BzImageBuilder()
            .poke<std::uint64_t>(field::kPreferredAddress, kText)
            .payload(pack(Packing::Zstd, kernel))
            .build();
    }
    template <typename T>
    T zero_page(const BootState& state, std::uint64_t offset) {
        return peek<T>(state.general.rsi + offset);
    }
};

TEST_F(LinuxTest, IsDetected) {
    Bytes file = bzimage();
    EXPECT_EQ(detect(file).value(), Protocol::LinuxBzImage);
    file = vmlinux();
    EXPECT_EQ(detect(file).value(), Protocol::LinuxElf);
}

TEST_F(LinuxTest, EntersThePackedKernelIn64BitMode) {
    request.command_line = "quiet nokaslr";
    const BootState state = loaded(bzimage());
    EXPECT_EQ(state.protocol, Protocol::LinuxBzImage);
    EXPECT_EQ(state.general.rip, kText + 0x40);
    EXPECT_EQ(state.general.rflags, 2U);
    EXPECT_EQ(state.system.cs.selector, 0x10);
    EXPECT_EQ(state.system.cs.l, 1);
    EXPECT_EQ(state.system.ds.selector, 0x18);
    EXPECT_EQ(state.system.cr0 & 0x80000001, 0x80000001U);
    EXPECT_EQ(state.system.efer, 0x500U);
    EXPECT_EQ(state.kaslr_slide, 0U);
    EXPECT_EQ(peek<std::uint64_t>(kText + 0x20), 0xffffffff80200123U);
}

TEST_F(LinuxTest, FillsInTheZeroPage) {
    request.command_line = "quiet nokaslr";
    request.acpi = acpi::Machine{};
    const BootState state = loaded(bzimage(), to_bytes("the initrd"));
    EXPECT_EQ(zero_page<std::uint64_t>(state, 0x70), 0xe0000U);
    EXPECT_EQ(zero_page<std::uint16_t>(state, 0x1fe), 0xaa55);
    EXPECT_EQ(zero_page<std::uint32_t>(state, 0x202), 0x53726448U);
    EXPECT_EQ(zero_page<std::uint16_t>(state, 0x206), 0x20f);
    EXPECT_EQ(zero_page<std::uint8_t>(state, 0x210), 0xff);
    EXPECT_EQ(zero_page<std::uint8_t>(state, 0x211), 1);
    EXPECT_EQ(text_at(zero_page<std::uint32_t>(state, 0x228)), "quiet nokaslr");
    EXPECT_EQ(zero_page<std::uint32_t>(state, 0x21c), 10U);
    EXPECT_EQ(text_at(zero_page<std::uint32_t>(state, 0x218)), "the initrd");
    EXPECT_EQ(zero_page<std::uint8_t>(state, 0x1ef), 0) << "the sentinel: the page is to be believed";
    const auto expected = memory_map(memory);
    ASSERT_EQ(zero_page<std::uint8_t>(state, 0x1e8), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ(zero_page<std::uint64_t>(state, 0x2d0 + 20 * i), expected[i].start.value);
        EXPECT_EQ(zero_page<std::uint64_t>(state, 0x2d8 + 20 * i), expected[i].size);
        EXPECT_EQ(zero_page<std::uint32_t>(state, 0x2e0 + 20 * i),
                  static_cast<std::uint32_t>(expected[i].type));
    }
}

TEST_F(LinuxTest, GetsADefaultCommandLine) {
    const BootState state = loaded(bzimage());
    EXPECT_EQ(text_at(zero_page<std::uint32_t>(state, 0x228)), "console=ttyS0 reboot=k panic=-1");
}

TEST_F(LinuxTest, IsMovedAsAsked) {
    request.kaslr_slide = 0x1400000;
    const BootState state = loaded(bzimage());
    EXPECT_EQ(state.kaslr_slide, 0x1400000U);
    EXPECT_EQ(state.first_segment, 0xffffffff81600000U);
    EXPECT_EQ(state.general.rip, kText + 0x40) << "its physical address stays";
    EXPECT_EQ(peek<std::uint64_t>(kText + 0x20), 0xffffffff81600123U);
    EXPECT_EQ(peek<std::uint32_t>(kText + 0x28), 0x1000U - 0x1400000U);
    EXPECT_EQ(peek<std::uint32_t>(kText + 0x2c), 0x81600456U);
    EXPECT_EQ(zero_page<std::uint8_t>(state, 0x211), 3)
        << "KASLR_FLAG: the kernel moves its other regions, too";
    EXPECT_THAT(state.summary, HasSubstr("moved by 0x1400000"));
}

TEST_F(LinuxTest, IsMovedByChance) {
    std::set<std::uint64_t> slides;
    for (int i = 0; i < 20; ++i) {
        const auto slide = loaded(bzimage()).kaslr_slide.value();
        EXPECT_EQ(slide % 0x200000, 0U);
        EXPECT_LE(kText + slide + 0x200000, 0x40000000U);
        EXPECT_EQ(peek<std::uint64_t>(kText + 0x20), 0xffffffff80200123 + slide);
        slides.insert(slide);
    }
    EXPECT_GT(slides.size(), 10U);
}

TEST_F(LinuxTest, StaysWithoutRelocations) {
    EXPECT_EQ(loaded(bzimage(vmlinux(false))).kaslr_slide, 0U);
    request.kaslr_slide = 0x200000;
    EXPECT_THAT(rejected(bzimage(vmlinux(false))), HasSubstr("cannot be moved by 0x200000"));
}

TEST_F(LinuxTest, RefusesASlideThatIsNone) {
    for (const std::uint64_t slide : {std::uint64_t{0x1000}, std::uint64_t{0x40000000}, ~std::uint64_t{0}}) {
        request.kaslr_slide = slide;
        EXPECT_THAT(rejected(bzimage()), HasSubstr(fmt::format("cannot be moved by {:#x}", slide)));
    }
}

TEST_F(LinuxTest, RefusesRelocationsOutsideTheImage) {
    request.kaslr_slide = 0x200000;
    Bytes kernel = vmlinux();
    kernel.resize(kernel.size() - 4);
    append(kernel, std::uint32_t{0x80200ffe});
    EXPECT_THAT(rejected(bzimage(kernel)), HasSubstr("0xffffffff80200ffe, lies outside its image"));
}

TEST_F(LinuxTest, EntersItsDecompressorIfAsked) {
    request.linux_entry = LinuxEntry::Decompressor;
    const BootState state = loaded(bzimage(), to_bytes("the initrd"));
    EXPECT_EQ(state.general.rip, kText + 0x200);
    EXPECT_EQ(state.system.efer, 0x500U);
    EXPECT_EQ(state.kaslr_slide, std::nullopt) << "who knows where it goes";
    EXPECT_EQ(peek<std::uint8_t>(kText), 0xf4);
    EXPECT_EQ(text_at(zero_page<std::uint32_t>(state, 0x218)), "the initrd");
    request.kaslr_slide = 0;
    EXPECT_THAT(rejected(bzimage()), HasSubstr("moves the kernel by chance"));
}

TEST_F(LinuxTest, EntersTheDecompressorOfAnUnknownPacking) {
    const Bytes file = BzImageBuilder()
                           .poke<std::uint64_t>(field::kPreferredAddress, kText)
                           .payload(to_bytes("\x89LZO...."))
                           .build();
    EXPECT_EQ(loaded(file).general.rip, kText + 0x200);
    request.linux_entry = LinuxEntry::Payload;
    EXPECT_THAT(rejected(file), HasSubstr("packed in a way that is not known here"));
}

TEST_F(LinuxTest, Enters32BitCodeInProtectedMode) {
    const Bytes file = BzImageBuilder()
                           .poke<std::uint64_t>(field::kPreferredAddress, kText)
                           .poke<std::uint16_t>(field::kXloadFlags, 0)
                           .payload(pack(Packing::Zstd, vmlinux()))
                           .build();
    const BootState state = loaded(file);
    EXPECT_EQ(state.general.rip, kText);
    EXPECT_EQ(state.system.cr0, 0x11U);
    EXPECT_EQ(state.system.cs.db, 1);
}

TEST_F(LinuxTest, EntersAVmlinux) {
    request.command_line = "quiet";
    const BootState state = loaded(vmlinux());
    EXPECT_EQ(state.protocol, Protocol::LinuxElf);
    EXPECT_EQ(state.general.rip, kText + 0x40);
    EXPECT_EQ(state.kaslr_slide, 0U) << "moved on request only";
    EXPECT_EQ(zero_page<std::uint32_t>(state, 0x202), 0x53726448U);
    EXPECT_EQ(text_at(zero_page<std::uint32_t>(state, 0x228)), "quiet");
    request.kaslr_slide = 0x200000;
    EXPECT_EQ(loaded(vmlinux()).kaslr_slide, 0x200000U);
}

TEST_F(LinuxTest, SaysWhatIsTooBig) {
    request.command_line = std::string(2048, 'a');
    EXPECT_THAT(rejected(bzimage()), HasSubstr("2048 characters is longer than the kernel's 2047"));
    request.command_line.clear();
    EXPECT_THAT(rejected(BzImageBuilder()
                             .poke<std::uint64_t>(field::kPreferredAddress, kText)
                             .poke<std::uint32_t>(field::kInitSize, 0x1000000)
                             .build()),
                HasSubstr("-m 18M"));
    EXPECT_THAT(rejected(bzimage(), Bytes(13 * layout::kMiB)), HasSubstr("does not fit"));
}

TEST_F(LinuxTest, ReportsItsStages) {
    std::vector<std::string> begun;
    request.on_stage = [&](const std::string& what) { begun.push_back(what); };
    const BootState state = loaded(bzimage());
    ASSERT_EQ(begun.size(), state.stages.size());
    for (std::size_t i = 0; i < begun.size(); ++i)
        EXPECT_EQ(begun[i], state.stages[i].what);
    EXPECT_THAT(begun, testing::Contains(testing::StartsWith("unpack 0.0 MiB of zstd")));
}

TEST(LinuxCommandLineTest, FindsParameters) {
    EXPECT_TRUE(has_parameter("nokaslr", "nokaslr"));
    EXPECT_TRUE(has_parameter("a  nokaslr b", "nokaslr"));
    EXPECT_FALSE(has_parameter("", "nokaslr"));
    EXPECT_FALSE(has_parameter("nokaslr=1 xnokaslr nokaslrx", "nokaslr"));
}

TEST_F(LinuxTest, RefusesWordsAfterItsInitrd) {
    request.modules = {{"initrd", "initrd words"}};
    const auto state = load_with(bzimage(), {to_bytes("one")});
    ASSERT_FALSE(state);
    EXPECT_THAT(state.error().message(), testing::HasSubstr("only a multiboot kernel takes words"));
}

TEST_F(LinuxTest, TakesOneInitrd) {
    const auto state = load_with(bzimage(), {to_bytes("one"), to_bytes("two")});
    ASSERT_FALSE(state);
    EXPECT_THAT(state.error().message(),
                testing::HasSubstr("2 initrds are given, and only a multiboot kernel"));
}

}  // namespace
}  // namespace ringside::boot
