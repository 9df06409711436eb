#include "vmm/machine/device_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <thread>

namespace ringside::machine {
namespace {

class DeviceGateTest : public testing::Test {
  protected:
    std::shared_ptr<DeviceGate> gate_ = std::make_shared<DeviceGate>();
};

TEST_F(DeviceGateTest, AnOpenGateLetsSeveralIn) {
    const auto first = gate_->enter();
    const auto second = gate_->enter();
    EXPECT_TRUE(first);
    EXPECT_TRUE(second);
}

TEST_F(DeviceGateTest, AClosedGateHoldsWorkBackUntilEveryClosureHasEnded) {
    std::optional<DeviceGate::Closure> first(gate_->close());
    std::optional<DeviceGate::Closure> second(gate_->close());
    std::atomic<bool> may_enter{false};
    std::thread worker([&] {
        const auto pass = gate_->enter();
        EXPECT_TRUE(pass);
        EXPECT_TRUE(may_enter);
    });
    first.reset();
    may_enter = true;
    second.reset();
    worker.join();
}

TEST_F(DeviceGateTest, ClosingWaitsForThoseInside) {
    std::optional<DeviceGate::Pass> pass(gate_->enter());
    std::atomic<bool> left{false};
    std::promise<void> closing;
    std::thread closer([&] {
        closing.set_value();
        const auto closure = gate_->close();
        EXPECT_TRUE(left);
    });
    closing.get_future().wait();
    left = true;
    pass.reset();
    closer.join();
}

TEST_F(DeviceGateTest, ShuttingDownSendsThoseWhoWaitAway) {
    const auto closure = gate_->close();
    std::thread worker([&] { EXPECT_FALSE(gate_->enter()); });
    gate_->shut_down();
    worker.join();
    EXPECT_FALSE(gate_->enter());
}

TEST_F(DeviceGateTest, AClosureMayOutliveItsOwner) {
    const auto closure = gate_->close();
    gate_.reset();
}

}  // namespace
}  // namespace ringside::machine
