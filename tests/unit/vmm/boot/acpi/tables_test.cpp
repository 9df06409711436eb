#include "vmm/boot/acpi/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <span>
#include <sstream>

#include "vmm/base/bytes.h"
#include "vmm/machine/layout.h"

namespace ringside::boot::acpi {
namespace {

using testing::HasSubstr;
using Bytes = std::vector<std::byte>;

Machine machine(std::uint32_t cpus = 2) {
    Machine m;
    m.cpus = cpus;
    m.fixed = {.event_block = 0x600,
               .control_block = 0x604,
               .timer = 0x608,
               .sci = 9,
               .sleep_type_s5 = 5,
               .reset_port = 0xcf9,
               .reset_value = 6};
    m.serial_ports = 0x3f8;
    m.serial_irq = 4;
    m.rtc_ports = 0x70;
    m.panic_port = 0x505;
    m.devices = {{"LNRO0005", 0, Gpa{0xd0000000}, 0x1000, Gsi{16}},
                 {"LNRO0005", 1, Gpa{0xd0001000}, 0x1000, Gsi{17}}};
    return m;
}

// The tables as a kernel finds them.
class Found {
  public:
    explicit Found(const Machine& m) : bytes_(build(m, layout::kAcpiTables)) {}

    template <typename T>
    T at(std::uint64_t address) const {
        const auto value = load_at<T>(bytes_, address - layout::kAcpiTables.value);
        EXPECT_TRUE(value) << address;
        return value.value_or(T{});
    }
    std::span<const std::byte> range(std::uint64_t address, std::size_t size) const {
        return std::span(bytes_).subspan(address - layout::kAcpiTables.value, size);
    }
    std::span<const std::byte> table(std::uint64_t address) const {
        return range(address, at<std::uint32_t>(address + 4));
    }
    std::string signature(std::uint64_t address) const {
        const auto four = range(address, 4);
        return {reinterpret_cast<const char*>(four.data()), 4};
    }
    std::uint64_t rsdp() const { return layout::kAcpiTables.value; }
    std::uint64_t xsdt() const { return at<std::uint64_t>(rsdp() + 24); }
    std::uint64_t fadt() const { return at<std::uint64_t>(xsdt() + 36); }
    std::uint64_t madt() const { return at<std::uint64_t>(xsdt() + 44); }
    std::uint64_t dsdt() const { return at<std::uint64_t>(fadt() + 140); }

  private:
    Bytes bytes_;
};

unsigned sum(std::span<const std::byte> bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), 0U,
                           [](unsigned s, std::byte b) { return s + std::to_integer<unsigned>(b); }) &
           0xff;
}

TEST(AcpiTablesTest, EveryTableIsFoundAndSumsToZero) {
    const Found found(machine());
    EXPECT_EQ(found.at<std::uint64_t>(found.rsdp()), 0x2052545020445352U) << "RSD PTR";
    EXPECT_EQ(sum(found.range(found.rsdp(), 20)), 0U);
    EXPECT_EQ(sum(found.range(found.rsdp(), 36)), 0U);
    const std::array tables{std::pair(found.xsdt(), "XSDT"), std::pair(found.fadt(), "FACP"),
                            std::pair(found.madt(), "APIC"), std::pair(found.dsdt(), "DSDT")};
    for (const auto& [address, name] : tables) {
        EXPECT_EQ(found.signature(address), name);
        EXPECT_EQ(sum(found.table(address)), 0U) << name;
    }
    EXPECT_EQ(found.table(found.xsdt()).size(), 36U + 2 * 8U);
}

TEST(AcpiTablesTest, FixedHardware) {
    const Found found(machine());
    const std::uint64_t fadt = found.fadt();
    EXPECT_EQ(found.table(fadt).size(), 276U);
    EXPECT_EQ(found.at<std::uint32_t>(fadt + 40), found.dsdt());
    EXPECT_EQ(found.signature(found.at<std::uint32_t>(fadt + 36)), "FACS");
    EXPECT_EQ(found.at<std::uint32_t>(fadt + 36) % 64, 0U) << "the FACS is aligned to 64 bytes";
    EXPECT_EQ(found.at<std::uint16_t>(fadt + 46), 9);
    EXPECT_EQ(found.at<std::uint32_t>(fadt + 48), 0U) << "no SMI command port: ACPI is on";
    EXPECT_EQ(found.at<std::uint32_t>(fadt + 56), 0x600U);
    EXPECT_EQ(found.at<std::uint32_t>(fadt + 64), 0x604U);
    EXPECT_EQ(found.at<std::uint32_t>(fadt + 76), 0x608U);
    EXPECT_EQ(found.at<std::uint16_t>(fadt + 109), 0x5) << "no 8042, no VGA";
    EXPECT_EQ(found.at<std::uint32_t>(fadt + 112), 0x565U) << "a power button, no sleep button";
    EXPECT_EQ(found.at<std::uint8_t>(fadt + 116), 1) << "the reset register is a port";
    EXPECT_EQ(found.at<std::uint64_t>(fadt + 120), 0xcf9U);
    EXPECT_EQ(found.at<std::uint8_t>(fadt + 128), 6);
    EXPECT_EQ(found.at<std::uint64_t>(fadt + 152), 0x600U);
}

TEST(AcpiTablesTest, Processors) {
    const Found found(machine(3));
    const std::uint64_t madt = found.madt();
    EXPECT_EQ(found.at<std::uint32_t>(madt + 36), layout::kLocalApic.value);
    for (std::uint8_t id = 0; id < 3; ++id) {
        const std::uint64_t entry = madt + 44 + std::uint64_t{8} * id;
        EXPECT_EQ(found.at<std::uint16_t>(entry), 0x0800);
        EXPECT_EQ(found.at<std::uint8_t>(entry + 3), id);
        EXPECT_EQ(found.at<std::uint32_t>(entry + 4), 1U);
    }
    const std::uint64_t io_apic = madt + 44 + 24;
    EXPECT_EQ(found.at<std::uint16_t>(io_apic), 0x0c01);
    EXPECT_EQ(found.at<std::uint32_t>(io_apic + 4), layout::kIoApic.value);
    EXPECT_EQ(found.at<std::uint32_t>(io_apic + 8), 0U);
    EXPECT_EQ(found.table(madt).size(), 44U + 24 + 12 + 10 + 6);
}

TEST(AcpiTablesTest, ApicIdsOf255AndMoreHave32Bits) {
    const Found found(machine(256));
    const std::uint64_t last = found.madt() + 44 + std::uint64_t{255} * 8;
    EXPECT_EQ(found.at<std::uint16_t>(last), 0x1009);
    EXPECT_EQ(found.at<std::uint32_t>(last + 4), 255U);
}

TEST(AcpiTablesTest, PlacesThemWhereTheyAreSearchedFor) {
    const auto memory = machine::GuestMemory::create(layout::kMiB);
    ASSERT_TRUE(memory);
    const auto rsdp = place(machine(), layout::kAcpiTables, *memory);
    ASSERT_TRUE(rsdp) << rsdp.error().message();
    EXPECT_GE(*rsdp, layout::kBiosArea);
    EXPECT_EQ(rsdp->value % 16, 0U);
    std::array<char, 8> signature{};
    ASSERT_TRUE(memory->read(*rsdp, std::as_writable_bytes(std::span(signature))));
    EXPECT_EQ(std::string(signature.data(), signature.size()), "RSD PTR ");
}

TEST(AcpiTablesTest, SaysSoWhenThereIsNoRoom) {
    const auto small = machine::GuestMemory::create(64 * layout::kKiB);
    EXPECT_FALSE(place(machine(), layout::kAcpiTables, *small));
    const auto memory = machine::GuestMemory::create(layout::kMiB);
    Machine many = machine();
    many.devices.resize(1000, many.devices.front());
    const auto placed = place(many, layout::kAcpiTables, *memory);
    ASSERT_FALSE(placed);
    EXPECT_THAT(placed.error().message(), HasSubstr("do not fit"));
}

// Intel's disassembler reads every table without complaint and finds what was put in.
TEST(AcpiTablesTest, IsWhatIntelsDisassemblerReads) {
    if (std::system("iasl -v >/dev/null 2>&1") != 0)
        GTEST_SKIP() << "no iasl: apt-get install acpica-tools";
    std::string folder = (std::filesystem::temp_directory_path() / "ringside-acpi-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    const Found found(machine());
    const auto disassembled = [&](std::uint64_t address, const std::string& name) {
        const auto table = found.table(address);
        std::ofstream(folder + "/" + name + ".dat", std::ios::binary)
            .write(reinterpret_cast<const char*>(table.data()), static_cast<std::streamsize>(table.size()));
        const std::string command = "cd " + folder + " && iasl -d " + name + ".dat > " + name + ".log 2>&1";
        EXPECT_EQ(std::system(command.c_str()), 0) << name;
        std::ostringstream text;
        text << std::ifstream(folder + "/" + name + ".dsl").rdbuf();
        text << std::ifstream(folder + "/" + name + ".log").rdbuf();
        EXPECT_THAT(text.str(), testing::Not(testing::AnyOf(HasSubstr("Error"), HasSubstr("Warning"),
                                                            HasSubstr("Invalid"), HasSubstr("Incorrect"))));
        return text.str();
    };
    const std::string dsdt = disassembled(found.dsdt(), "dsdt");
    EXPECT_THAT(dsdt, HasSubstr("EisaId (\"PNP0501\")"));
    EXPECT_THAT(dsdt, HasSubstr("Name (_HID, \"LNRO0005\")"));
    EXPECT_THAT(dsdt, HasSubstr("0xD0001000,         // Address Base"));
    EXPECT_THAT(dsdt, HasSubstr("Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive"));
    EXPECT_THAT(dsdt, HasSubstr("0x00000011,"));
    EXPECT_THAT(dsdt, HasSubstr("Name (_S5, Package"));
    EXPECT_THAT(disassembled(found.fadt(), "fadt"), HasSubstr("Reset Register Supported (V2) : 1"));
    EXPECT_THAT(disassembled(found.madt(), "madt"), HasSubstr("[I/O APIC]"));
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ringside::boot::acpi
