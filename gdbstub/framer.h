// Finds packets in the stream of bytes that a client sends (gdb manual, "Overview" of the remote protocol).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace ringside::gdbstub {

// The longest payload in either direction, announced as PacketSize: an `m` reply of 128 KiB of memory fits.
inline constexpr std::size_t kMaxPayload = std::size_t{256} << 10;

namespace frame {

// A whole frame with a good checksum; escapes and runs are already resolved. The view is good until the
// framer's next call.
struct Packet {
    std::string_view payload;
};
struct Interrupt {};    // 0x03 between frames
struct Hangup {};       // 0x04 between frames
struct Ack {};          // '+'
struct Nak {};          // '-'
struct BadChecksum {};  // a whole frame whose checksum is wrong
struct Oversized {};    // a whole frame of more than kMaxPayload
struct Malformed {};    // the checksum is right, but an escape or a run is incomplete

using Event = std::variant<Packet, Interrupt, Hangup, Ack, Nak, BadChecksum, Oversized, Malformed>;

}  // namespace frame

// A frame is `$payload#xx`. Inside it only '#' is special to the framer: `$`, `%` and 0x03 are data there, because
// an X packet may hold them unescaped. A frame that arrives whole and plain is handed out without a copy.
class Framer {
  public:
    // Consumes the front of `input` up to the end of the next event; returns nullopt when it is used up.
    std::optional<frame::Event> next(std::span<const std::byte>& input);

  private:
    enum class State { Idle, Payload, Oversized, ChecksumHigh, ChecksumLow };

    std::optional<frame::Event> next_idle(std::string_view& input);
    void take_payload(std::string_view& input);
    void skip_oversized(std::string_view& input);
    frame::Event finish(char checksum_low);
    bool skip_to_greeting(int sum);
    frame::Event unpack();

    State state_ = State::Idle;
    bool oversized_ = false;
    char checksum_high_ = 0;
    std::string_view raw_;  // the frame's payload as sent: in the input, or in stored_
    std::string stored_;    // the part of a frame that came with earlier input
    std::string unpacked_;  // a payload with its escapes and runs resolved
};

}  // namespace ringside::gdbstub
