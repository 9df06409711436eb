#include "gdbstub/framer.h"

#include "gdbstub/checksum.h"
#include "gdbstub/hex.h"
#include "gdbstub/wire.h"

namespace ringside::gdbstub {

std::optional<frame::Event> Framer::next(std::span<const std::byte>& input) {
    std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
    std::optional<frame::Event> event;
    while (!event && !text.empty()) {
        switch (state_) {
            case State::Idle:
                event = next_idle(text);
                break;
            case State::Payload:
                take_payload(text);
                break;
            case State::Oversized:
                skip_oversized(text);
                break;
            case State::ChecksumHigh:
                checksum_high_ = text.front();
                text.remove_prefix(1);
                state_ = State::ChecksumLow;
                break;
            case State::ChecksumLow:
                event = finish(text.front());
                text.remove_prefix(1);
                break;
        }
    }
    // The input's storage belongs to the caller: the part of a frame that is in it must be copied before it is reused.
    if (!event && state_ != State::Idle && !raw_.empty() && raw_.data() != stored_.data()) {
        stored_.assign(raw_);
        raw_ = stored_;
    }
    input = input.last(text.size());
    return event;
}

// Between frames: noise is skipped.
std::optional<frame::Event> Framer::next_idle(std::string_view& input) {
    const char c = input.front();
    input.remove_prefix(1);
    switch (c) {
        case wire::kFrameStart:
            state_ = State::Payload;
            oversized_ = false;
            stored_.clear();
            raw_ = {};
            return std::nullopt;
        case wire::kInterrupt:
            return frame::Interrupt{};
        case wire::kHangup:
            return frame::Hangup{};
        case wire::kAck:
            return frame::Ack{};
        case wire::kNak:
            return frame::Nak{};
        default:
            return std::nullopt;
    }
}

void Framer::take_payload(std::string_view& input) {
    const std::size_t end = input.find(wire::kFrameEnd);
    const std::string_view part = input.substr(0, end);
    if (part.size() > kMaxPayload - raw_.size()) {
        state_ = State::Oversized;
        oversized_ = true;
        raw_ = {};
        return;
    }
    if (raw_.empty()) {
        raw_ = part;
    } else {
        stored_.append(part);
        raw_ = stored_;
    }
    input.remove_prefix(part.size());
    if (end != std::string_view::npos) {
        input.remove_prefix(1);
        state_ = State::ChecksumHigh;
    }
}

void Framer::skip_oversized(std::string_view& input) {
    const std::size_t end = input.find(wire::kFrameEnd);
    if (end == std::string_view::npos) {
        input = {};
        return;
    }
    input.remove_prefix(end + 1);
    state_ = State::ChecksumHigh;
}

frame::Event Framer::finish(char checksum_low) {
    state_ = State::Idle;
    if (oversized_)
        return frame::Oversized{};
    const int high = hex_value(checksum_high_);
    const int low = hex_value(checksum_low);
    if (high < 0 || low < 0)
        return frame::BadChecksum{};
    const int sum = (high << 4) | low;
    if (sum != checksum(raw_) && !skip_to_greeting(sum))
        return frame::BadChecksum{};
    if (raw_.find_first_of(std::string_view("}*")) == std::string_view::npos)
        return frame::Packet{raw_};
    return unpack();
}

// On a line that outlives its clients, one may leave in the middle of a packet. The next one's greeting is then
// inside that packet. Returns true if it is, and drops what comes before it.
bool Framer::skip_to_greeting(int sum) {
    const std::size_t start = raw_.rfind("$qSupported");
    if (start == std::string_view::npos || sum != checksum(raw_.substr(start + 1)))
        return false;
    raw_.remove_prefix(start + 1);
    return true;
}

frame::Event Framer::unpack() {
    unpacked_.clear();
    for (std::size_t i = 0; i < raw_.size(); ++i) {
        const char c = raw_[i];
        if (c != wire::kEscape && c != wire::kRun) {
            unpacked_.push_back(c);
            continue;
        }
        if (++i == raw_.size())
            return frame::Malformed{};
        if (c == wire::kEscape) {
            unpacked_.push_back(wire::escaped(raw_[i]));
            continue;
        }
        const int repeats = raw_[i] - wire::kRunBias;
        if (unpacked_.empty() || repeats < wire::kMinRepeats || raw_[i] > wire::kMaxRunCount)
            return frame::Malformed{};
        unpacked_.append(static_cast<std::size_t>(repeats), unpacked_.back());
        if (unpacked_.size() > kMaxPayload)
            return frame::Oversized{};
    }
    return frame::Packet{unpacked_};
}

}  // namespace ringside::gdbstub
