// The exit status of `ringside`, unless the guest gives its own (debug exit).
#pragma once

namespace ringside::cli {

inline constexpr int kSuccess = 0;      // a clean power-off or reset, or a debugger that ended the guest
inline constexpr int kFailure = 1;      // the monitor could not continue; one line on stderr says why
inline constexpr int kBadUsage = 2;     // the command line is invalid
inline constexpr int kTripleFault = 3;  // and no debugger was attached
inline constexpr int kPanic = 4;        // the guest's kernel has reported a panic

}  // namespace ringside::cli
