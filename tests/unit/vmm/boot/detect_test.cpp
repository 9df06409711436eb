#include "vmm/boot/detect.h"

#include "tests/unit/vmm/boot/boot_test.h"

namespace ringside::boot {
namespace {

using testing::HasSubstr;

constexpr std::string_view kMultibootHeader("\x02\xb0\xad\x1b\0\0\0\0\xfe\x4f\x52\xe4", 12);

template <typename Builder>
Bytes kernel(bool multiboot, bool note) {
    Builder elf;
    elf.entry(0x100000).segment(0x100000, multiboot ? kMultibootHeader : "code");
    if (note)
        elf.pvh_note(0x100000);
    return elf.build();
}

Protocol detected(Bytes file) {
    const auto protocol = detect(file);
    EXPECT_TRUE(protocol) << protocol.error().message();
    return protocol.value_or(Protocol::Flat);
}

TEST(Detect, Elf64) {
    EXPECT_EQ(detected(kernel<Elf64Builder>(false, false)), Protocol::Elf64);
    EXPECT_EQ(detected(kernel<Elf64Builder>(true, false)), Protocol::Multiboot1);
    EXPECT_EQ(detected(kernel<Elf64Builder>(false, true)), Protocol::Pvh);
    EXPECT_EQ(detected(kernel<Elf64Builder>(true, true)), Protocol::Pvh);
}

TEST(Detect, Elf32) {
    EXPECT_EQ(detected(kernel<Elf32Builder>(false, false)), Protocol::Elf32);
    EXPECT_EQ(detected(kernel<Elf32Builder>(true, false)), Protocol::Multiboot1);
    EXPECT_EQ(detected(kernel<Elf32Builder>(false, true)), Protocol::Pvh);
    EXPECT_EQ(detected(kernel<Elf32Builder>(true, true)), Protocol::Multiboot1);
}

TEST(Detect, OtherFilesAreFlat) {
    EXPECT_EQ(detected(to_bytes("\xfa\xf4")), Protocol::Flat);
    EXPECT_EQ(detected(to_bytes("\x7f"
                                "EL")),
              Protocol::Flat);
}

TEST(Detect, ADamagedElfFileIsNotFlat) {
    Bytes file = to_bytes(
        "\x7f"
        "ELF and nothing more");
    EXPECT_FALSE(detect(file));
}

TEST(Detect, NamesWhatIsNoKernel) {
    const auto error_of = [](std::string_view text) {
        Bytes file = to_bytes(text);
        const auto protocol = detect(file);
        return protocol ? std::string() : protocol.error().message();
    };
    EXPECT_THAT(error_of("\x1f\x8b\x08 gzip"),
                HasSubstr("a gzip archive, not a kernel. Unpack it first: gunzip"));
    EXPECT_THAT(error_of("#!/bin/sh\n"), HasSubstr("a script"));
    EXPECT_THAT(error_of(""), HasSubstr("empty"));
}

TEST(Detect, ProtocolsHaveNames) {
    EXPECT_STREQ(protocol_name(Protocol::Pvh), "PVH");
    EXPECT_STREQ(protocol_name(Protocol::Multiboot1), "multiboot 1");
}

}  // namespace
}  // namespace ringside::boot
