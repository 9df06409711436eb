// Decides by measured cost how pages with watched bytes are followed: by protecting them, which costs an exit and a step at
// each write to one of them, or by stepping, which costs every instruction. What counts is the time from one write to the
// next, whatever it was spent on.
//
// Protection comes first. After so many writes stepping is tried, until the same number of writes is reached, which makes it
// the faster way, or their time is over.
//
// Threading: the caller's lock. Times are in ticks of any one clock.
#pragma once

#include <cstdint>

namespace ringside::debug {

class WatchCost {
  public:
    enum class Verdict : std::uint8_t { KeepOn, TryStepping, Protection, Stepping };

    // After protection has let a write pass. TryStepping is repeated at each write until try_stepping().
    Verdict after_write(std::uint64_t now);
    void try_stepping(std::uint64_t now);
    // After a step of the trial. `wrote`: to one of the pages.
    Verdict after_step(std::uint64_t now, bool wrote);
    bool trying() const { return trying_; }
    // Protection is used again, after a trial or from the start.
    void protect();

    static constexpr unsigned kWritesMeasured = 256;  // before a trial
    static constexpr unsigned kWritesTried = 32;
    static constexpr unsigned kTrialsApart = 4;  // each trial comes this many times later than the one before

  private:
    bool trying_ = false;
    std::uint64_t writes_ = 0;  // since `began_`
    std::uint64_t began_ = 0;
    std::uint64_t until_trial_ = kWritesMeasured;
    std::uint64_t trial_time_ = 0;  // what protection takes for kWritesTried
};

}  // namespace ringside::debug
