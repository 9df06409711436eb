// The exit status of `ringside`, unless the guest gives one of its own (debug exit).
#pragma once

namespace ringside::cli {

inline constexpr int kSuccess = 0;      // a clean power-off or reset, or a debugger that ended the guest
inline constexpr int kFailure = 1;      // the monitor could not go on; one line on stderr says why
inline constexpr int kBadUsage = 2;     // the command line makes no sense
inline constexpr int kTripleFault = 3;  // and no debugger was there to look at it
inline constexpr int kPanic = 4;        // the guest's kernel said that it has panicked

}  // namespace ringside::cli
