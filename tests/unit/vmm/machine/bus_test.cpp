#include "vmm/machine/bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace ringside::machine {
namespace {

using testing::HasSubstr;

// Answers a read with its offset and remembers the last write.
class EchoDevice : public BusDevice {
  public:
    explicit EchoDevice(std::string name) : name_(std::move(name)) {}
    std::string_view name() const override { return name_; }
    void read(std::uint64_t offset, std::span<std::byte> data) override {
        std::fill(data.begin(), data.end(), static_cast<std::byte>(offset));
    }
    void write(std::uint64_t offset, std::span<const std::byte> data) override {
        written_offset = offset;
        written.assign(data.begin(), data.end());
    }
    std::uint64_t written_offset = 0;
    std::vector<std::byte> written;

  private:
    std::string name_;
};

TEST(Bus, RoutesByRange) {
    EchoDevice serial("serial");
    EchoDevice cmos("cmos");
    Bus bus;
    ASSERT_TRUE(bus.attach(0x3f8, 8, serial));
    ASSERT_TRUE(bus.attach(0x70, 2, cmos));

    std::array<std::byte, 1> data{};
    EXPECT_TRUE(bus.read(0x3fd, data));
    EXPECT_EQ(data[0], std::byte{5});
    EXPECT_TRUE(bus.read(0x71, data));
    EXPECT_EQ(data[0], std::byte{1});
    EXPECT_TRUE(bus.write(0x70, data));
    EXPECT_EQ(cmos.written.size(), 1U);
    EXPECT_TRUE(serial.written.empty());
}

TEST(Bus, UnknownAddressReadsAllOnes) {
    EchoDevice device("serial");
    Bus bus;
    ASSERT_TRUE(bus.attach(0x3f8, 8, device));
    for (const std::uint64_t address : {0x0UL, 0x3f7UL, 0x400UL, ~0UL}) {
        std::array<std::byte, 4> data{};
        EXPECT_FALSE(bus.read(address, data)) << address;
        EXPECT_THAT(data, testing::Each(std::byte{0xff}));
        EXPECT_FALSE(bus.write(address, data));
    }
}

TEST(Bus, AccessBeyondTheRangeIsNotTheDevices) {
    EchoDevice device("serial");
    Bus bus;
    ASSERT_TRUE(bus.attach(0x3f8, 8, device));
    std::array<std::byte, 4> data{};
    EXPECT_FALSE(bus.read(0x3fe, data));
    EXPECT_FALSE(bus.write(0x3fe, data));
    EXPECT_TRUE(device.written.empty());
    EXPECT_TRUE(bus.read(0x3fc, data));
}

TEST(Bus, ReachesTheTopOfTheAddressSpace) {
    EchoDevice device("top");
    Bus bus;
    const std::uint64_t top = std::numeric_limits<std::uint64_t>::max();
    ASSERT_TRUE(bus.attach(top - 7, 8, device));
    std::array<std::byte, 8> data{};
    EXPECT_TRUE(bus.read(top - 7, data));
    EXPECT_FALSE(bus.read(top - 6, data));
    EXPECT_NE(bus.find(top), nullptr);
}

TEST(Bus, RefusesBadRanges) {
    EchoDevice device("serial");
    EchoDevice other("cmos");
    Bus bus;
    EXPECT_FALSE(bus.attach(0x10, 0, device));
    EXPECT_FALSE(bus.attach(std::numeric_limits<std::uint64_t>::max(), 2, device));
    ASSERT_TRUE(bus.attach(0x3f8, 8, device));
    for (const std::uint64_t start : {0x3f1UL, 0x3f8UL, 0x3ffUL}) {
        const auto attached = bus.attach(start, 8, other);
        ASSERT_FALSE(attached) << start;
        EXPECT_THAT(attached.error().message(), HasSubstr("overlaps serial at [0x3f8, 0x3ff]"));
    }
    EXPECT_TRUE(bus.attach(0x400, 8, other));
    EXPECT_TRUE(bus.attach(0x3f0, 8, other));
    ASSERT_EQ(bus.ranges().size(), 3U);
    EXPECT_EQ(bus.ranges()[0].start, 0x3f0U);
}

}  // namespace
}  // namespace ringside::machine
