// The characters that mean something to the framing layer (gdb manual, "Overview" of the remote protocol).
#pragma once

#include <string_view>

namespace ringside::gdbstub::wire {

inline constexpr char kFrameStart = '$';
inline constexpr char kFrameEnd = '#';
inline constexpr char kNotificationStart = '%';
inline constexpr char kEscape = '}';
inline constexpr char kRun = '*';
inline constexpr char kAck = '+';
inline constexpr char kNak = '-';
inline constexpr char kInterrupt = '\x03';

// On a serial line, the program that carries a client's packets sends kHangup when the client has left. The answer
// kHungUp follows the last byte for that client. It occurs nowhere else: two hexadecimal digits follow a frame's `#`.
inline constexpr char kHangup = '\x04';
inline constexpr std::string_view kHungUp = "#\x04";

// `}` is followed by a byte with this bit flipped.
constexpr char escaped(char c) {
    return static_cast<char>(c ^ 0x20);
}
constexpr bool needs_escape(char c) {
    return c == kFrameStart || c == kFrameEnd || c == kEscape || c == kRun;
}

// `c*N` is c followed by N - kRunBias more of it. Counts below three would not save anything, and N stays printable.
inline constexpr int kRunBias = 29;
inline constexpr int kMinRepeats = 3;
inline constexpr int kMaxRunCount = 126;
inline constexpr int kMaxRepeats = kMaxRunCount - kRunBias;

}  // namespace ringside::gdbstub::wire
