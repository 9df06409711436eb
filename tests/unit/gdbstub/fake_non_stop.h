// Two threads, both stopped when the client comes. Its log is the target's.
#pragma once

#include <optional>
#include <span>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "tests/unit/gdbstub/fake_target.h"

namespace ringside::gdbstub {

class FakeNonStop final : public NonStop {
  public:
    explicit FakeNonStop(FakeTarget& target) : target_(target) {}
    Result<void> set_non_stop(bool on) override {
        if (refusal)
            return tl::unexpected(*refusal);
        target_.log.emplace_back(on ? "non-stop" : "all-stop");
        return {};
    }
    void stop(std::span<const ThreadId> threads, StopReason reason) override {
        for (const ThreadId thread : threads)
            target_.log.push_back(fmt::format(
                "stop {}{}", thread.value, std::holds_alternative<StoppedByInterrupt>(reason) ? " INT" : ""));
    }
    std::vector<StopEvent> stops() const override { return stopped; }
    void hold() override { ++holds; }
    void release() override { --holds; }

    std::vector<StopEvent> stopped{{ThreadId{1}, StoppedBySignal{Signal::Trap, false}, {}},
                                   {ThreadId{2}, StoppedBySignal{Signal::None, false}, {}}};
    std::optional<TargetError> refusal;
    int holds = 0;

  private:
    FakeTarget& target_;
};

}  // namespace ringside::gdbstub
