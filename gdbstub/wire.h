// The characters that mean something to the framing layer (gdb manual, "Overview" of the remote protocol).
#pragma once

namespace ringside::gdbstub::wire {

inline constexpr char kFrameStart = '$';
inline constexpr char kFrameEnd = '#';
inline constexpr char kEscape = '}';
inline constexpr char kRun = '*';
inline constexpr char kAck = '+';
inline constexpr char kNak = '-';
inline constexpr char kInterrupt = '\x03';

// `}` is followed by the byte that it stands for, with this bit flipped.
constexpr char escaped(char c) {
    return static_cast<char>(c ^ 0x20);
}
constexpr bool needs_escape(char c) {
    return c == kFrameStart || c == kFrameEnd || c == kEscape || c == kRun;
}

// `c*N` is c followed by N - kRunBias more of it. Counts below three would not pay, and N stays printable.
inline constexpr int kRunBias = 29;
inline constexpr int kMinRepeats = 3;
inline constexpr int kMaxRunCount = 126;
inline constexpr int kMaxRepeats = kMaxRunCount - kRunBias;

}  // namespace ringside::gdbstub::wire
