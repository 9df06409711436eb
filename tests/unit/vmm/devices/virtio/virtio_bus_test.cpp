// Devices on their own threads, as in a machine: the bus, the doorbell, the gate and the end.
#include "vmm/devices/virtio/virtio_bus.h"

#include <condition_variable>
#include <cstring>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/devices/virtio/constants.h"
#include "vmm/devices/virtio/rng.h"
#include "vmm/machine/layout.h"

namespace ringside::devices::virtio {
namespace {

using ::testing::HasSubstr;

// A line that a test can wait for.
class WaitedLine final : public machine::InterruptLine {
  public:
    void set(bool level) override {
        const std::scoped_lock lock(mutex_);
        level_ = level;
        changed_.notify_all();
    }
    void wait_until_high() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return level_; });
    }
    bool level() {
        const std::scoped_lock lock(mutex_);
        return level_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool level_ = false;
};

class VirtioBusTest : public ::testing::Test {
  protected:
    static constexpr std::uint64_t kDescriptors = 0x1000;
    static constexpr std::uint64_t kAvailable = 0x2000;
    static constexpr std::uint64_t kUsed = 0x3000;
    static constexpr std::uint64_t kBuffer = 0x4000;
    static constexpr std::uint32_t kLength = 32;

    Result<std::unique_ptr<VirtioBus>> create(std::size_t devices) {
        std::vector<std::unique_ptr<Device>> all;
        for (std::size_t i = 0; i < devices; ++i)
            all.push_back(std::make_unique<Rng>());
        return VirtioBus::create({memory_, mmio_, *gate_,
                                  [this](Gsi gsi, std::string_view device) -> machine::InterruptLine& {
                                      EXPECT_EQ(device, Rng().identity().name);
                                      lines_.push_back(gsi);
                                      return line_;
                                  },
                                  [](const std::string&) {}},
                                 std::move(all));
    }
    void write(std::uint64_t offset, std::uint32_t value) {
        EXPECT_TRUE(mmio_.write(layout::kVirtioMmio.value + offset, std::as_bytes(std::span(&value, 1))));
    }
    template <typename T>
    void poke(std::uint64_t gpa, T value) {
        EXPECT_TRUE(memory_.write(Gpa{gpa}, std::as_bytes(std::span(&value, 1))));
    }
    std::uint16_t used_index() {
        std::uint16_t index = 0;
        EXPECT_TRUE(memory_.read(Gpa{kUsed + 2}, std::as_writable_bytes(std::span(&index, 1))));
        return index;
    }
    // A driver in good order, and one request for random bytes, of which the device is not told yet.
    void set_up() {
        write(0x70, 3);
        write(0x24, 1);
        write(0x20, kFeatureVersion1 >> 32);
        write(0x70, 3 | kStatusFeaturesOk);
        write(0x38, 8);
        write(0x80, kDescriptors);
        write(0x90, kAvailable);
        write(0xa0, kUsed);
        write(0x44, 1);
        write(0x70, 3 | kStatusFeaturesOk | kStatusDriverOk);
        poke<std::uint64_t>(kDescriptors, kBuffer);
        poke<std::uint32_t>(kDescriptors + 8, kLength);
        poke<std::uint16_t>(kDescriptors + 12, kDescriptorWrite);
    }
    void notify() {
        {
            const auto quiet = gate_->close();  // the device's thread is not at work meanwhile
            poke<std::uint16_t>(kAvailable + 2, 1);
        }
        write(0x50, 0);
    }

    machine::GuestMemory memory_ = std::move(machine::GuestMemory::create(layout::kMiB).value());
    machine::Bus mmio_;
    std::shared_ptr<machine::DeviceGate> gate_ = std::make_shared<machine::DeviceGate>();
    WaitedLine line_;
    std::vector<Gsi> lines_;
};

TEST_F(VirtioBusTest, EachDeviceHasAPageAndALine) {
    const auto bus = create(layout::kVirtioMmioSlots);
    ASSERT_TRUE(bus);
    const auto places = (*bus)->descriptions();
    ASSERT_EQ(places.size(), layout::kVirtioMmioSlots);
    EXPECT_EQ(places[7].hid, "LNRO0005");
    EXPECT_EQ(places[7].uid, 7U);
    EXPECT_EQ(places[7].base, layout::kVirtioMmio + 7 * layout::kPage);
    EXPECT_EQ(places[7].gsi, Gsi{layout::kVirtioFirstGsi.value + 7});
    EXPECT_EQ(lines_.back(), places[7].gsi);
    ASSERT_NE(mmio_.find(places[7].base.value), nullptr);
    EXPECT_EQ(mmio_.find(places[7].base.value)->device->name(), "virtio rng");
}

TEST_F(VirtioBusTest, ThereIsRoomForSoMany) {
    const auto bus = create(layout::kVirtioMmioSlots + 1);
    ASSERT_FALSE(bus);
    EXPECT_THAT(bus.error().message(), HasSubstr("9 were asked for, and there is room for 8"));
}

TEST_F(VirtioBusTest, ANotificationWakesTheDevicesThread) {
    const auto bus = create(1);
    (*bus)->start();
    set_up();
    notify();
    line_.wait_until_high();
    const auto quiet = gate_->close();
    EXPECT_EQ(used_index(), 1);
}

TEST_F(VirtioBusTest, WhatIsAskedOfAHeldMachineHappensWhenItRuns) {
    const auto bus = create(1);
    (*bus)->start();
    set_up();
    auto held = std::make_unique<machine::DeviceGate::Closure>(gate_->close());
    poke<std::uint16_t>(kAvailable + 2, 1);
    write(0x50, 0);
    EXPECT_EQ(used_index(), 0);
    EXPECT_FALSE(line_.level());
    held.reset();
    line_.wait_until_high();
}

TEST_F(VirtioBusTest, AMachineEndsWhileItIsHeld) {
    const auto held = gate_->close();
    auto bus = create(1);
    (*bus)->start();
    set_up();
    poke<std::uint16_t>(kAvailable + 2, 1);
    write(0x50, 0);
    bus->reset();  // its thread may wait at the gate
    EXPECT_EQ(used_index(), 0);
}

}  // namespace
}  // namespace ringside::devices::virtio
