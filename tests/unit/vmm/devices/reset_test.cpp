#include <gtest/gtest.h>

#include "tests/unit/vmm/devices/fakes.h"
#include "vmm/devices/reset_port.h"
#include "vmm/devices/system_control_port.h"

namespace ringside::devices {
namespace {

TEST(ResetPort, ResetsOnTheRisingEdgeOfBitTwo) {
    FakeMachine machine;
    ResetPort port(machine);
    out(port, 0, 0x02);
    EXPECT_TRUE(machine.resets.empty());
    EXPECT_EQ(in(port, 0), 0x02);
    out(port, 0, ResetPort::kHardReset);
    ASSERT_EQ(machine.resets.size(), 1U);
    EXPECT_EQ(machine.resets[0], "port 0xcf9");
    out(port, 0, ResetPort::kHardReset);
    EXPECT_EQ(machine.resets.size(), 1U);
}

TEST(ResetPort, RestoresItsState) {
    FakeMachine machine;
    ResetPort port(machine);
    port.restore({0x04});
    EXPECT_EQ(port.save(), (ResetPort::State{0x04}));
    out(port, 0, 0x06);
    EXPECT_TRUE(machine.resets.empty()) << "bit 2 was set already";
}

TEST(SystemControlPort, OpensA20WithoutAReset) {
    FakeMachine machine;
    SystemControlPort port(machine);
    out(port, 0, 0x00);
    EXPECT_EQ(in(port, 0), 0x00);
    out(port, 0, in(port, 0) | 0x02);
    EXPECT_EQ(in(port, 0), 0x02);
    EXPECT_TRUE(machine.resets.empty());
    EXPECT_EQ(port.save(), (SystemControlPort::State{0x02}));
}

TEST(SystemControlPort, BitZeroResets) {
    FakeMachine machine;
    SystemControlPort port(machine);
    out(port, 0, 0x03);
    ASSERT_EQ(machine.resets.size(), 1U);
    EXPECT_EQ(machine.resets[0], "port 0x92");
    EXPECT_EQ(in(port, 0), 0x02) << "the reset bit does not stay";
}

}  // namespace
}  // namespace ringside::devices
