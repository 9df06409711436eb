#include "vmm/boot/firmware.h"

#include <cstring>

#include "tests/unit/vmm/boot/boot_test.h"
#include "vmm/boot/memory_map.h"

namespace ringside::boot {
namespace {

using testing::HasSubstr;

// Filled with `mark`; a far jump at the reset vector.
Bytes image(std::size_t size, std::uint8_t mark = 0x90) {
    Bytes bytes(size, std::byte{mark});
    bytes[size - 16] = std::byte{0xea};
    return bytes;
}

class FirmwareTest : public BootTest {};

TEST_F(FirmwareTest, StartsAsAfterReset) {
    const BootState state = loaded(image(256 * layout::kKiB));
    EXPECT_EQ(state.protocol, Protocol::Firmware);
    EXPECT_EQ(state.system.cr0, 0x10U);
    EXPECT_EQ(state.system.cs.selector, 0xf000);
    EXPECT_EQ(state.system.cs.base, 0xffff0000U);
    EXPECT_EQ(state.general.rip, 0xfff0U);
}

TEST_F(FirmwareTest, EndsAt4GiBAndIsShadowedBelow1MiB) {
    Bytes file = image(512 * layout::kKiB, 0x11);
    file[256 * layout::kKiB] = std::byte{0x22};  // the first byte of the copy
    const BootState state = loaded(file);
    ASSERT_TRUE(state.rom);
    EXPECT_EQ(state.rom->start, Gpa{0xfff80000});
    EXPECT_EQ(state.rom->bytes, file);
    EXPECT_EQ(peek<std::uint8_t>(0xbffff), 0);
    EXPECT_EQ(peek<std::uint8_t>(0xc0000), 0x22);
    EXPECT_EQ(peek<std::uint8_t>(0xffff0), 0xea);
}

TEST_F(FirmwareTest, ASmallOneIsShadowedWhole) {
    loaded(image(64 * layout::kKiB, 0x11));
    EXPECT_EQ(peek<std::uint8_t>(0xeffff), 0);
    EXPECT_EQ(peek<std::uint8_t>(0xf0000), 0x11);
}

TEST_F(FirmwareTest, LearnsTheMemoryMapAndWhereTheTablesAre) {
    request.acpi = acpi::Machine{};
    request.acpi->serial_ports = 0x3f8;
    const BootState state = loaded(image(128 * layout::kKiB));
    constexpr std::uint64_t kTables = kTestRam - layout::kAcpiTablesSize;
    const auto map = state.fw_cfg.find_file("etc/e820");
    ASSERT_GE(map.size(), 2 * sizeof(E820Entry));
    E820Entry entries[2];
    std::memcpy(entries, map.data(), sizeof entries);
    EXPECT_EQ(entries[0].start, 0U);
    EXPECT_EQ(entries[0].size, kTables);
    EXPECT_EQ(entries[0].type, 1U);
    EXPECT_EQ(entries[1].start, kTables);
    EXPECT_EQ(entries[1].size, layout::kAcpiTablesSize);
    EXPECT_EQ(entries[1].type, 2U);

    const auto rsdp = state.fw_cfg.find_file("etc/acpi/rsdp");
    ASSERT_EQ(rsdp.size(), acpi::kRsdpSize);
    std::uint64_t xsdt = 0;
    std::memcpy(&xsdt, rsdp.data() + 24, sizeof xsdt);
    EXPECT_GT(xsdt, kTables);
    EXPECT_EQ(peek<std::uint32_t>(xsdt), 0x54445358U) << "XSDT";

    const auto command = state.fw_cfg.find_file("etc/table-loader");
    ASSERT_EQ(command.size(), 128U);
    EXPECT_STREQ(reinterpret_cast<const char*>(command.data()) + 4, "etc/acpi/rsdp");
    EXPECT_EQ(command[64], std::byte{2}) << "into the BIOS area";
    EXPECT_EQ(state.fw_cfg.find_file("etc/sercon-port")[1], std::byte{0x03});
}

TEST_F(FirmwareTest, InASmallGuestThereAreNoTables) {
    memory = std::move(*machine::GuestMemory::create(layout::kMiB));
    request.acpi = acpi::Machine{};
    const BootState state = loaded(image(128 * layout::kKiB));
    EXPECT_TRUE(state.fw_cfg.find_file("etc/acpi/rsdp").empty());
    EXPECT_FALSE(state.fw_cfg.find_file("etc/e820").empty());
}

// As kvm-unit-tests do, whichever way they were started.
TEST_F(FirmwareTest, EveryGuestCanAskForCpusAndMemory) {
    request.cpus = 3;
    const BootState state = loaded(Bytes(512, std::byte{0xf4}));
    const auto value = [&state](machine::FwCfgKey key, std::size_t size) {
        const auto item = state.fw_cfg.find(static_cast<std::uint16_t>(key));
        EXPECT_EQ(item.size(), size);
        std::uint64_t number = 0;
        std::memcpy(&number, item.data(), std::min(item.size(), sizeof number));
        return number;
    };
    EXPECT_EQ(value(machine::FwCfgKey::CpuCount, 2), 3U);
    EXPECT_EQ(value(machine::FwCfgKey::MaximumCpuCount, 2), 3U);
    EXPECT_EQ(value(machine::FwCfgKey::RamSize, 8), kTestRam);
    EXPECT_EQ(value(machine::FwCfgKey::Signature, 4), 0x554d4551U);
    EXPECT_EQ(value(machine::FwCfgKey::Features, 4), 3U);
}

TEST_F(FirmwareTest, IsKnownBySizeAndResetVector) {
    EXPECT_TRUE(is_firmware(image(16 * layout::kMiB)));
    EXPECT_FALSE(is_firmware(image(16 * layout::kMiB + 64 * layout::kKiB)));
    EXPECT_FALSE(is_firmware(image(64 * layout::kKiB + 1)));
    EXPECT_FALSE(is_firmware(Bytes{}));
    EXPECT_FALSE(is_firmware(Bytes(64 * layout::kKiB)));
    request.protocol = Protocol::Firmware;
    EXPECT_THAT(rejected(Bytes(4096)), HasSubstr("it is no firmware image"));
}

}  // namespace
}  // namespace ringside::boot
