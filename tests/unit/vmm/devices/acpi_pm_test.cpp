#include "vmm/devices/acpi_pm.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/vmm/devices/fakes.h"

namespace ringside::devices {
namespace {

class AcpiPmTest : public testing::Test {
  protected:
    std::uint32_t timer() {
        std::array<std::byte, 4> data{};
        pm.read(AcpiPm::kTimer, data);
        std::uint32_t value = 0;
        std::memcpy(&value, data.data(), sizeof value);
        return value;
    }
    void write16(std::uint64_t offset, std::uint16_t value) {
        std::array<std::byte, 2> data{};
        std::memcpy(data.data(), &value, sizeof value);
        pm.write(offset, data);
    }

    FakeMachine machine;
    std::chrono::nanoseconds time{5'000'000'000};
    AcpiPm pm{machine, [this] { return time; }};
};

// outw(0x604, 0x2000), as kernels written for QEMU do.
TEST_F(AcpiPmTest, SleepEnableWithS5PowersOff) {
    write16(AcpiPm::kControlBlock, 0x2000);
    ASSERT_EQ(machine.power_offs.size(), 1U);
    EXPECT_EQ(machine.power_offs[0], "ACPI S5");
}

TEST_F(AcpiPmTest, OtherSleepTypesDoNot) {
    write16(AcpiPm::kControlBlock, 0x2000 | (5U << 10));
    write16(AcpiPm::kControlBlock, 0x0000);
    EXPECT_TRUE(machine.power_offs.empty());
}

TEST_F(AcpiPmTest, SciStaysEnabledAndSleepEnableReadsZero) {
    EXPECT_EQ(in(pm, AcpiPm::kControlBlock), 0x01);
    write16(AcpiPm::kControlBlock, 0x2000);
    EXPECT_EQ(in(pm, AcpiPm::kControlBlock), 0x01);
    EXPECT_EQ(in(pm, AcpiPm::kControlBlock + 1), 0x00);
}

TEST_F(AcpiPmTest, EnableRegisterIsKeptAndStatusStaysClear) {
    write16(AcpiPm::kEventBlock, 0xffff);
    write16(AcpiPm::kEventBlock + 2, 0x0120);
    EXPECT_EQ(in(pm, 0), 0);
    EXPECT_EQ(in(pm, 1), 0);
    EXPECT_EQ(in(pm, 2), 0x20);
    EXPECT_EQ(in(pm, 3), 0x01);
}

TEST_F(AcpiPmTest, TimerRunsAtItsFrequency) {
    EXPECT_EQ(timer(), 0U);
    time += std::chrono::seconds(1);
    EXPECT_EQ(timer(), 3'579'545U);
    time += std::chrono::hours(24);  // wraps at 32 bits
    EXPECT_EQ(timer(), static_cast<std::uint32_t>(3'579'545ULL * 86'401));
}

TEST_F(AcpiPmTest, RestoresRegistersAndGoesOnCounting) {
    write16(AcpiPm::kEventBlock + 2, 0x0100);
    time += std::chrono::seconds(2);
    const AcpiPm::State state = pm.save();
    time += std::chrono::hours(1);
    pm.restore(state);
    EXPECT_EQ(pm.save(), state);
    time += std::chrono::seconds(1);
    EXPECT_EQ(timer(), 3U * 3'579'545U);
}

}  // namespace
}  // namespace ringside::devices
