// One scenario of the conformance guests (guests/README.md) under a debugger, from the guest's start to its
// own verdict.
#pragma once

#include <string>
#include <string_view>

#include "tests/conformance/behaviour.h"
#include "tests/conformance/debuggee.h"

namespace ringside::conformance {

class Scenario {
  public:
    // Boots the mode's guest so that it runs `name` alone, `rounds` times, and ends.
    Scenario(Mode mode, std::string name, unsigned rounds = 1);

    Debuggee& guest() { return guest_; }
    Mode mode() const { return mode_; }

    // A general register, as wide as the mode's code uses it.
    std::uint64_t word(const std::string& reg);

    // Lets the guest run to its end without any breakpoint and checks what it says itself: its exit status,
    // and that its serial port has "ok NAME" and no "not ok".
    void finish();
    // The same, with a stop before the end to look at the guest's own counts in memory.
    void finish_with_counts();

  private:
    void select_in_memory(unsigned rounds);
    void check_counts();

    Mode mode_;
    std::string name_;
    unsigned rounds_;
    Debuggee guest_;
};

// The size of a general register or a push, in bytes.
std::size_t word_size(Mode mode);

}  // namespace ringside::conformance
