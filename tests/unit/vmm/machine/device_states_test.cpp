#include "vmm/machine/device_states.h"

#include <gtest/gtest.h>

namespace ringside::machine {
namespace {

class Lamp final : public DeviceState {
  public:
    explicit Lamp(std::byte& light) : light_(light) {}
    std::string_view name() const override { return "lamp"; }
    std::size_t size() const override { return 1; }
    void save(std::span<std::byte> out) const override { out[0] = light_; }
    void restore(std::span<const std::byte> in) override { light_ = in[0]; }

  private:
    std::byte& light_;
};

TEST(DeviceStates, AResetIsTheStateAtTheBeginning) {
    std::byte first{1}, second{2};
    DeviceStates states;
    states.add(std::make_unique<Lamp>(first));
    states.add(std::make_unique<Lamp>(second));
    first = second = std::byte{9};
    states.reset();
    EXPECT_EQ(first, std::byte{1});
    EXPECT_EQ(second, std::byte{2});
}

}  // namespace
}  // namespace ringside::machine
