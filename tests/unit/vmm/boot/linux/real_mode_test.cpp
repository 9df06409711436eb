// Linux started by firmware: what fw_cfg then has for the ROM that starts it.
#include <cstring>
#include <numeric>

#include "tests/unit/vmm/boot/boot_test.h"
#include "tests/unit/vmm/boot/linux/bzimage_builder.h"
#include "vmm/boot/linux/boot_rom.h"

namespace ringside::boot::linux_boot {
namespace {

using machine::FwCfgKey;
using testing::HasSubstr;

unsigned sum(std::span<const std::byte> bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), 0U,
                           [](unsigned s, std::byte b) { return s + std::to_integer<unsigned>(b); }) &
           0xff;
}

class RealModeTest : public BootTest {
  protected:
    RealModeTest() {
        firmware.resize(128 * layout::kKiB);
        firmware[firmware.size() - 16] = std::byte{0xea};
        request.acpi = acpi::Machine{};
        request.acpi->serial_ports = 0x3f8;
    }

    Bytes item(const BootState& state, FwCfgKey key) {
        const auto bytes = state.fw_cfg.find(static_cast<std::uint16_t>(key));
        return {bytes.begin(), bytes.end()};
    }
    std::uint32_t word(const BootState& state, FwCfgKey key) { return word_at(item(state, key), 0); }
    std::uint32_t word_at(const Bytes& bytes, std::uint64_t offset) {
        std::uint32_t value = 0;
        EXPECT_GE(bytes.size(), offset + sizeof value);
        std::memcpy(&value, bytes.data() + offset, sizeof value);
        return value;
    }
    std::string text(const Bytes& bytes) {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
};

TEST_F(RealModeTest, TheFirmwareIsWhatStarts) {
    const BootState state = loaded(BzImageBuilder().payload(to_bytes("packed")).build());
    EXPECT_EQ(state.protocol, Protocol::Firmware);
    EXPECT_EQ(state.rom->bytes, firmware);
    EXPECT_THAT(state.summary, HasSubstr("setup code at 1020:0000"));
}

TEST_F(RealModeTest, ThePiecesHaveTheirPlaces) {
    const Bytes kernel = BzImageBuilder().payload(to_bytes("packed")).build();
    request.command_line = "quiet";
    const BootState state = loaded(kernel, to_bytes("initrd"));
    const auto code = kernel.begin() + BzImageBuilder::kSetupSize;
    EXPECT_EQ(item(state, FwCfgKey::KernelData), Bytes(code, kernel.end()));
    EXPECT_EQ(word(state, FwCfgKey::KernelAddress), 0x100000U);
    EXPECT_EQ(word(state, FwCfgKey::KernelSize), kernel.size() - BzImageBuilder::kSetupSize);
    EXPECT_EQ(text(item(state, FwCfgKey::CommandLineData)), std::string("quiet\0", 6));
    EXPECT_EQ(word(state, FwCfgKey::CommandLineSize), 6U);
    EXPECT_EQ(item(state, FwCfgKey::InitrdData), to_bytes("initrd"));
    EXPECT_EQ(word(state, FwCfgKey::InitrdSize), 6U);
    // Below the tables of ACPI and what firmware keeps for its own.
    EXPECT_EQ(word(state, FwCfgKey::InitrdAddress),
              kTestRam - layout::kAcpiTablesSize - layout::kMiB - layout::kPage);
    EXPECT_EQ(word(state, FwCfgKey::SetupAddress), 0x10000U);
    EXPECT_EQ(word(state, FwCfgKey::SetupSize), BzImageBuilder::kSetupSize);
}

TEST_F(RealModeTest, TheSetupCodeGetsThem) {
    const Bytes kernel = BzImageBuilder().payload(to_bytes("packed")).build();
    const BootState state = loaded(kernel, to_bytes("initrd"));
    const Bytes setup = item(state, FwCfgKey::SetupData);
    ASSERT_EQ(setup.size(), BzImageBuilder::kSetupSize);
    EXPECT_EQ(setup[field::kTypeOfLoader], std::byte{0xff});
    EXPECT_EQ(setup[field::kLoadFlags], std::byte{kLoadedHigh | kCanUseHeap});
    EXPECT_EQ(word_at(setup, field::kHeapEnd) & 0xffff, 0xde00U);
    EXPECT_EQ(word_at(setup, field::kCommandLine), word(state, FwCfgKey::CommandLineAddress));
    EXPECT_EQ(word_at(setup, field::kRamdiskImage), word(state, FwCfgKey::InitrdAddress));
    EXPECT_EQ(word_at(setup, field::kRamdiskSize), 6U);
}

TEST_F(RealModeTest, LinuxAloneGetsLinuxParameters) {
    EXPECT_THAT(
        text(item(loaded(BzImageBuilder().payload(to_bytes("packed")).build()), FwCfgKey::CommandLineData)),
        HasSubstr("console=ttyS0"));
    EXPECT_EQ(item(loaded(BzImageBuilder().build()), FwCfgKey::CommandLineData), Bytes(1));
}

TEST_F(RealModeTest, TheRomIsOneThatABiosStarts) {
    const BootState state = loaded(BzImageBuilder().build());
    const auto file = state.fw_cfg.find_file("genroms/linux.bin");
    const Bytes rom(file.begin(), file.end());
    ASSERT_FALSE(rom.empty());
    EXPECT_EQ(word_at(rom, 0) & 0xffff, 0xaa55U);
    EXPECT_EQ(std::to_integer<std::size_t>(rom[2]) * 512, rom.size());
    EXPECT_EQ(sum(rom), 0U);
    const std::size_t header = word_at(rom, 0x1a) & 0xffff;
    EXPECT_EQ(text({rom.begin() + static_cast<std::ptrdiff_t>(header),
                    rom.begin() + static_cast<std::ptrdiff_t>(header) + 4}),
              "$PnP");
    EXPECT_EQ(sum(std::span(rom).subspan(header, 32)), 0U);
    const auto order = state.fw_cfg.find_file("bootorder");
    EXPECT_EQ(text({order.begin(), order.end()}), std::string("/rom@genroms/linux.bin\0", 23));
}

TEST_F(RealModeTest, RefusesWhatItCannotStart) {
    EXPECT_THAT(rejected(Bytes(4096)), HasSubstr("load kernel.elf: it is no bzImage"));
    Bytes long_setup = BzImageBuilder().poke<std::uint8_t>(0x1f1, 80).build();
    long_setup.resize(128 * layout::kKiB);
    EXPECT_THAT(rejected(long_setup), HasSubstr("longer than the 32768"));
    EXPECT_THAT(rejected(BzImageBuilder().payload(Bytes(kTestRam)).build()),
                HasSubstr("outside the guest's RAM"));
    EXPECT_THAT(rejected(BzImageBuilder().build(), Bytes(kTestRam - 2 * layout::kMiB)),
                HasSubstr("the initrd of 14680064 bytes does not fit"));
    EXPECT_THAT(rejected(BzImageBuilder().build(), Bytes(kTestRam - 2 * layout::kMiB)), HasSubstr("-m 19M"));
    request.command_line = std::string(2048, 'x');
    EXPECT_THAT(rejected(BzImageBuilder().build()), HasSubstr("longer than the kernel's 2047"));
    request.command_line.clear();
    request.kaslr_slide = 0;
    EXPECT_THAT(rejected(BzImageBuilder().build()), HasSubstr("--kaslr-slide"));
    request.kaslr_slide.reset();
    request.linux_entry = LinuxEntry::Payload;
    EXPECT_THAT(rejected(BzImageBuilder().build()), HasSubstr("--firmware"));
    request.linux_entry = LinuxEntry::Auto;
    firmware.resize(4096);
    request.firmware = "some.bin";
    EXPECT_THAT(rejected(BzImageBuilder().build()), HasSubstr("load some.bin: it is no firmware image"));
}

TEST_F(RealModeTest, AKernelFromBeforeThe32BitProtocolIsToldApart) {
    firmware.clear();
    const Bytes old = BzImageBuilder().poke<std::uint16_t>(field::kVersion, 0x207).build();
    EXPECT_THAT(rejected(old), HasSubstr("--firmware"));
    request.linux_entry = LinuxEntry::Decompressor;
    EXPECT_EQ(loaded(old).protocol, Protocol::LinuxBzImage);
}

}  // namespace
}  // namespace ringside::boot::linux_boot
