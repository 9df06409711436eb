#include "vmm/devices/acpi_pm.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/vmm/devices/fakes.h"

namespace ringside::devices {
namespace {

constexpr std::uint64_t kEnable = AcpiPm::kEventBlock + 2;
constexpr std::uint16_t kPowerButton = 1U << 8;

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
    FakeLine sci;
    AcpiPm pm{machine, sci, [this] { return time; }};
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

TEST_F(AcpiPmTest, EnableRegisterIsKeptAndStatusCannotBeSet) {
    write16(AcpiPm::kEventBlock, 0xffff);
    write16(AcpiPm::kEventBlock + 2, 0x0120);
    EXPECT_EQ(in(pm, 0), 0);
    EXPECT_EQ(in(pm, 1), 0);
    EXPECT_EQ(in(pm, 2), 0x20);
    EXPECT_EQ(in(pm, 3), 0x01);
}

TEST_F(AcpiPmTest, ThePowerButtonInterruptsUntilItsStatusIsCleared) {
    write16(kEnable, kPowerButton);
    EXPECT_FALSE(sci.level);
    EXPECT_TRUE(pm.press_power_button());
    EXPECT_TRUE(sci.level);
    EXPECT_EQ(in(pm, AcpiPm::kEventBlock + 1), 0x01);
    write16(AcpiPm::kEventBlock, static_cast<std::uint16_t>(~kPowerButton));
    EXPECT_TRUE(sci.level) << "other bits clear other events";
    write16(AcpiPm::kEventBlock, kPowerButton);
    EXPECT_FALSE(sci.level);
    EXPECT_EQ(in(pm, AcpiPm::kEventBlock + 1), 0x00);
    EXPECT_TRUE(pm.press_power_button());
    EXPECT_EQ(sci.edges, 2);
}

TEST_F(AcpiPmTest, APressThatIsNotEnabledWaitsForIt) {
    EXPECT_FALSE(pm.press_power_button());
    EXPECT_FALSE(sci.level);
    EXPECT_EQ(in(pm, AcpiPm::kEventBlock + 1), 0x01);
    write16(kEnable, kPowerButton);
    EXPECT_TRUE(sci.level);
    write16(kEnable, 0);
    EXPECT_FALSE(sci.level);
}

TEST_F(AcpiPmTest, RestoresAPressThatTheGuestHasNotSeen) {
    write16(kEnable, kPowerButton);
    pm.press_power_button();
    const AcpiPm::State pressed = pm.save();
    pm.restore({});
    EXPECT_FALSE(sci.level);
    pm.restore(pressed);
    EXPECT_TRUE(sci.level);
    EXPECT_EQ(pm.save(), pressed);
    pm.restore({.status = 0xffff, .enable = 0xffff});  // as a damaged file may have it
    EXPECT_EQ(in(pm, AcpiPm::kEventBlock), 0x00) << "no other event exists";
}

TEST_F(AcpiPmTest, TimerRunsAtItsFrequency) {
    EXPECT_EQ(timer(), 0U);
    time += std::chrono::seconds(1);
    EXPECT_EQ(timer(), 3'579'545U);
    time += std::chrono::hours(24);  // wraps at 32 bits
    EXPECT_EQ(timer(), static_cast<std::uint32_t>(3'579'545ULL * 86'401));
}

TEST_F(AcpiPmTest, RestoresRegistersAndContinuesCounting) {
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
