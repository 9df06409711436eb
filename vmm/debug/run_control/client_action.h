// What the client wants of a vCPU: to run, to make one step, or to step through a range.
#pragma once

#include <cstdint>
#include <variant>

#include "gdbstub/target.h"

namespace ringside::debug {

class ClientAction {
  public:
    static constexpr std::uint64_t kRangePatience = 100'000;  // steps: about a second

    // The vCPU is to be resumed with it.
    void set(const gdbstub::ResumeAction& action) {
        action_ = action;
        range_steps_ = 0;
    }
    bool continues() const { return std::holds_alternative<gdbstub::Continue>(action_); }
    // A step has led to RIP. Returns true if the client is to be told.
    bool ends_at(std::uint64_t rip);
    // A range step that does not end lets interrupts in from time to time: the guest may be waiting for one.
    bool lets_interrupts_in() const { return range_steps_ != 0 && range_steps_ % kRangePatience == 0; }

  private:
    gdbstub::ResumeAction action_ = gdbstub::Continue{};
    std::uint64_t range_steps_ = 0;
};

}  // namespace ringside::debug
