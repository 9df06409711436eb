#include "vmm/devices/virtio/transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "tests/unit/vmm/devices/virtio/fake_driver.h"

namespace ringside::devices::virtio {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Register;

// Gives each chain back at once, with its length doubled in `written`.
class EchoDevice final : public Device {
  public:
    Identity identity() const override { return {42, "virtio echo", 1, 1}; }
    std::span<const std::byte> config() const override { return config_; }
    void start(Transport& transport, asio::io_context&) override { transport_ = &transport; }
    void on_kick(unsigned queue) override {
        ++kicks;
        for (;;) {
            auto access = transport_->enter();
            if (!access || !access->next(queue, chain_))
                return;
            ++taken;
            access->finish(queue, chain_, 7);
        }
    }
    void on_reset() override { ++resets; }
    void on_restore() override { ++restores; }

    Transport* transport_ = nullptr;
    Chain chain_;
    std::array<std::byte, 6> config_{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}, std::byte{5}};
    int kicks = 0;
    int taken = 0;
    int resets = 0;
    int restores = 0;
};

class VirtioTransport : public ::testing::Test {
  protected:
    EchoDevice device_;
    testing::FakeDriver driver_{device_};
};

TEST_F(VirtioTransport, ShowsWhatItIs) {
    EXPECT_EQ(driver_.read(Register::Magic), 0x74726976);
    EXPECT_EQ(driver_.read(Register::Version), 2);
    EXPECT_EQ(driver_.read(Register::DeviceId), 42);
    EXPECT_EQ(driver_.offered_features(), 1 | kFeatureIndirect | kFeatureEventIndex | kFeatureVersion1);
    driver_.write(Register::QueueSelect, 0);
    EXPECT_EQ(driver_.read(Register::QueueSizeMaximum), kLargestQueue);
    driver_.write(Register::QueueSelect, 1);
    EXPECT_EQ(driver_.read(Register::QueueSizeMaximum), 0);
}

TEST_F(VirtioTransport, RegistersAreReadAsWholeWords) {
    std::array<std::byte, 2> half{};
    driver_.transport().read(Register::Magic, half);
    EXPECT_THAT(half, ElementsAre(std::byte{0xff}, std::byte{0xff}));
}

TEST_F(VirtioTransport, ConfigurationIsReadInAnyWidthAndFloatsAfterItsEnd) {
    EXPECT_EQ(driver_.config<std::uint8_t>(1), 2);
    EXPECT_EQ(driver_.config<std::uint32_t>(1), 0x05040302);
    EXPECT_EQ(driver_.config<std::uint32_t>(4), 0xffff0005);
}

TEST_F(VirtioTransport, RefusesFeaturesThatItDidNotOffer) {
    EXPECT_TRUE(driver_.negotiate(kFeatureVersion1 | 1));
    EXPECT_FALSE(driver_.negotiate(kFeatureVersion1 | 2));
    EXPECT_FALSE(driver_.negotiate(1)) << "a legacy driver";
}

TEST_F(VirtioTransport, FeaturesAreSettledByFeaturesOk) {
    ASSERT_TRUE(driver_.negotiate(kFeatureVersion1));
    driver_.write(Register::DriverFeaturesSelect, 0);
    driver_.write(Register::DriverFeatures, 1);
    EXPECT_EQ(driver_.transport().save().driver_features, kFeatureVersion1);
}

TEST_F(VirtioTransport, WorksOnceTheDriverIsReady) {
    ASSERT_TRUE(driver_.negotiate(kFeatureVersion1));
    driver_.set_up_queue(0);
    driver_.send(0, {testing::room(16)});
    EXPECT_EQ(device_.taken, 0) << "before DRIVER_OK";
    driver_.driver_ok();
    EXPECT_EQ(driver_.take_used(0), 7) << "what was there before counts, too";
    EXPECT_TRUE(driver_.line().level);
    EXPECT_EQ(driver_.read(Register::InterruptStatus), 1);
    driver_.write(Register::InterruptAcknowledge, 1);
    EXPECT_FALSE(driver_.line().level);
}

TEST_F(VirtioTransport, DriverOkWithoutFeaturesOkNeedsAReset) {
    driver_.write(Register::Status, 1 | 2 | kStatusDriverOk);
    EXPECT_TRUE(driver_.needs_reset());
    EXPECT_THAT(driver_.reports, ElementsAre(HasSubstr("DRIVER_OK without FEATURES_OK")));
}

TEST_F(VirtioTransport, AQueueOutsideRamNeedsAReset) {
    ASSERT_TRUE(driver_.negotiate(kFeatureVersion1));
    driver_.write(Register::QueueSelect, 0);
    driver_.write(Register::QueueSize, 8);
    driver_.write64(Register::QueueDescriptors, 0xfffffffffffffff0);
    driver_.write64(Register::QueueDriver, 0x1000);
    driver_.write64(Register::QueueDevice, 0x2000);
    driver_.write(Register::QueueReady, 1);
    EXPECT_EQ(driver_.read(Register::QueueReady), 0);
    EXPECT_TRUE(driver_.needs_reset());
    EXPECT_THAT(driver_.reports, ElementsAre(HasSubstr("descriptor table at 0xfffffffffffffff0")));
}

TEST_F(VirtioTransport, AMisalignedQueueNeedsAReset) {
    ASSERT_TRUE(driver_.negotiate(kFeatureVersion1));
    driver_.write(Register::QueueSelect, 0);
    driver_.write64(Register::QueueDescriptors, 0x10008);
    driver_.write64(Register::QueueDriver, 0x11000);
    driver_.write64(Register::QueueDevice, 0x12000);
    driver_.write(Register::QueueReady, 1);
    EXPECT_TRUE(driver_.needs_reset());
}

TEST_F(VirtioTransport, AQueueSizeThatIsNoPowerOfTwoNeedsAReset) {
    for (const std::uint16_t size : std::initializer_list<std::uint16_t>{0, 3, 512, 0xffff}) {
        ASSERT_TRUE(driver_.negotiate(kFeatureVersion1));
        driver_.set_up_queue(0, size);
        EXPECT_EQ(driver_.read(Register::QueueReady), 0) << size;
        EXPECT_TRUE(driver_.needs_reset()) << size;
    }
}

TEST_F(VirtioTransport, AQueueInUseKeepsItsAddresses) {
    driver_.set_up();
    driver_.write(Register::QueueSelect, 0);
    driver_.write64(Register::QueueDevice, 0xffffffff0000);
    driver_.write(Register::QueueSize, 4);
    driver_.send(0, {testing::room(16)});
    EXPECT_EQ(driver_.take_used(0), 7);
}

TEST_F(VirtioTransport, RegistersOfAQueueThatIsNotThereDoNothing) {
    driver_.set_up();
    driver_.write(Register::QueueSelect, 0xffffffff);
    driver_.write(Register::QueueReady, 1);
    EXPECT_EQ(driver_.read(Register::QueueReady), 0);
    driver_.write(Register::QueueNotify, 1);
    driver_.write(Register::QueueNotify, 0xffffffff);
    EXPECT_EQ(device_.taken, 0);
}

TEST_F(VirtioTransport, AResetOfTheMachineIsOneOfTheDevice) {
    driver_.set_up();
    driver_.send(0, {testing::room(16)});
    const int resets = device_.resets;
    driver_.power_on();
    EXPECT_EQ(device_.resets, resets + 1);
    EXPECT_EQ(driver_.read(Register::Status), 0);
    EXPECT_EQ(driver_.read(Register::InterruptStatus), 0);
}

TEST_F(VirtioTransport, ABrokenRingStopsTheDeviceUntilItIsReset) {
    driver_.set_up();
    driver_.offer(0, 0xffff);
    driver_.notify(0);
    EXPECT_TRUE(driver_.needs_reset());
    EXPECT_EQ(driver_.read(Register::InterruptStatus), 2) << "a change of configuration";
    EXPECT_THAT(driver_.reports, ElementsAre(HasSubstr("virtio echo")));
    driver_.send(0, {testing::room(16)});
    EXPECT_EQ(driver_.used_index(0), 0);
    EXPECT_EQ(driver_.reports.size(), 1U) << "said once";

    driver_.set_up();
    EXPECT_EQ(device_.resets, 2);
    driver_.send(0, {testing::room(16)});
    EXPECT_EQ(driver_.take_used(0), 7);
    EXPECT_FALSE(driver_.needs_reset());
}

TEST_F(VirtioTransport, ADriverThatIsBrokenForEverDoesNotFillTheTerminal) {
    for (int i = 0; i < 100; ++i) {
        driver_.set_up();
        driver_.offer(0, 0xffff);
        driver_.notify(0);
        EXPECT_TRUE(driver_.needs_reset());
    }
    EXPECT_LT(driver_.reports.size(), 10U);
}

TEST_F(VirtioTransport, ARequestFromBeforeAResetIsNotCompleted) {
    driver_.set_up();
    driver_.add(0, {testing::room(16)});
    Chain chain;
    {
        auto access = driver_.transport().enter();
        ASSERT_TRUE(access->next(0, chain));
    }
    driver_.set_up();
    auto access = driver_.transport().enter();
    EXPECT_FALSE(access->current(chain));
    access->finish(0, chain, 16);
    EXPECT_EQ(driver_.used_index(0), 0);
    EXPECT_FALSE(driver_.line().level);
}

TEST_F(VirtioTransport, ARequestThatCompletesWhileTheGuestIsHeldWaitsUntilItRuns) {
    driver_.set_up();
    driver_.add(0, {testing::room(16)});
    auto held = std::make_unique<machine::DeviceGate::Closure>(driver_.gate().close());
    std::promise<void> at_the_gate;
    std::thread worker([&] {
        at_the_gate.set_value();
        device_.on_kick(0);
    });
    at_the_gate.get_future().wait();
    EXPECT_EQ(driver_.used_index(0), 0);
    EXPECT_FALSE(driver_.line().level);
    EXPECT_NE(driver_.read(Register::Status), 0U) << "a register read does not wait for the device";
    held.reset();
    worker.join();
    EXPECT_EQ(driver_.used_index(0), 1);
    EXPECT_TRUE(driver_.line().level);
}

TEST_F(VirtioTransport, AChangeOfConfigurationIsCountedAndTold) {
    driver_.set_up();
    const auto before = driver_.read(Register::ConfigGeneration);
    driver_.transport().enter()->config_changed();
    EXPECT_NE(driver_.read(Register::ConfigGeneration), before);
    EXPECT_EQ(driver_.read(Register::InterruptStatus), 2);
}

TEST_F(VirtioTransport, ContinuesWhereItWasSaved) {
    driver_.set_up();
    driver_.send(0, {testing::room(16)});
    const auto saved = driver_.transport().save();
    driver_.write(Register::Status, 0);
    driver_.add(0, {testing::room(16)});
    driver_.transport().restore(saved);
    EXPECT_EQ(device_.restores, 1);
    EXPECT_TRUE(driver_.line().level);
    EXPECT_EQ(driver_.used_index(0), 2) << "the request that had not been taken when it was saved";
    auto later = driver_.transport().save();
    EXPECT_EQ(later.queues[0].next_used, 2);
}

TEST_F(VirtioTransport, AStateThatNoDriverCouldHaveMadeDoesNoHarm) {
    Transport::State state;
    std::memset(static_cast<void*>(&state), 0xff, sizeof state);
    for (auto& queue : state.queues)
        queue.ready = true;
    driver_.transport().restore(state);
    EXPECT_TRUE(driver_.needs_reset());
    EXPECT_EQ(device_.taken, 0);
}

}  // namespace
}  // namespace ringside::devices::virtio
