#include "vmm/devices/virtio/rng.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmm/devices/virtio/fake_driver.h"

namespace ringside::devices::virtio {
namespace {

using testing::FakeDriver;
using testing::room;

class VirtioRng : public ::testing::Test {
  protected:
    void SetUp() override { driver_.set_up(); }
    Rng device_;
    FakeDriver driver_{device_};
};

TEST_F(VirtioRng, FillsWhatItIsGiven) {
    const auto first = driver_.send(0, {room(1000), room(32)});
    EXPECT_EQ(driver_.take_used(0), 1032U);
    const auto second = driver_.send(0, {room(1000)});
    EXPECT_EQ(driver_.take_used(0), 1000U);
    EXPECT_NE(driver_.memory_at(first[0], 1000), driver_.memory_at(second[0], 1000));
    EXPECT_NE(driver_.memory_at(first[1], 32), std::vector<std::byte>(32));
}

TEST_F(VirtioRng, AGiantRequestGetsALimitedAnswer) {
    driver_.put_descriptor(driver_.descriptors(0), 0, {0x200000, 0x200000, kDescriptorWrite, 0});
    driver_.offer(0, 0);
    driver_.notify(0);
    EXPECT_EQ(driver_.take_used(0), Rng::kMostBytes);
    EXPECT_EQ(driver_.memory_at(0x200000 + Rng::kMostBytes, 64), std::vector<std::byte>(64));
}

TEST_F(VirtioRng, ARequestWithoutRoomBreaksIt) {
    driver_.send(0, {testing::out(std::vector<std::byte>(8))});
    EXPECT_TRUE(driver_.needs_reset());
    EXPECT_EQ(driver_.used_index(0), 0);
}

}  // namespace
}  // namespace ringside::devices::virtio
