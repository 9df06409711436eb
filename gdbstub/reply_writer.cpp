#include "gdbstub/reply_writer.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>

#include "gdbstub/checksum.h"
#include "gdbstub/hex.h"
#include "gdbstub/wire.h"

namespace ringside::gdbstub {
namespace {

// Non-zero if any byte of `word` equals `c` (the classic zero-byte test on word ^ cccccccc). It may also flag
// a byte above a true hit, never a word without one.
std::uint64_t has_byte(std::uint64_t word, char c) {
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    constexpr std::uint64_t kHighs = 0x8080808080808080;
    const std::uint64_t x = word ^ (kOnes * static_cast<unsigned char>(c));
    return (x - kOnes) & ~x & kHighs;
}

bool any_needs_escape(std::uint64_t word) {
    return (has_byte(word, wire::kFrameStart) | has_byte(word, wire::kFrameEnd) |
            has_byte(word, wire::kEscape) | has_byte(word, wire::kRun)) != 0;
}

char* copy_escaped(const char* from, std::size_t n, char* to) {
    for (std::size_t i = 0; i < n; ++i) {
        if (wire::needs_escape(from[i])) {
            *to++ = wire::kEscape;
            *to++ = wire::escaped(from[i]);
        } else {
            *to++ = from[i];
        }
    }
    return to;
}

// How many of `repeats` more bytes one run can encode: its count must not be '#' or '$'.
std::size_t run_count(std::size_t repeats) {
    const std::size_t count = std::min<std::size_t>(repeats, wire::kMaxRepeats);
    constexpr std::size_t kFrameEndCount = wire::kFrameEnd - wire::kRunBias;
    constexpr std::size_t kFrameStartCount = wire::kFrameStart - wire::kRunBias;
    return count == kFrameEndCount || count == kFrameStartCount ? kFrameEndCount - 1 : count;
}

}  // namespace

ReplyWriter::Frame ReplyWriter::frame() {
    return begin(wire::kFrameStart);
}

ReplyWriter::Frame ReplyWriter::notification() {
    return begin(wire::kNotificationStart);
}

ReplyWriter::Frame ReplyWriter::begin(char introducer) {
    out_.push_back(introducer);
    start_ = out_.size();
    is_reply_ = introducer == wire::kFrameStart;
    return Frame(*this);
}

void ReplyWriter::ack() {
    out_.push_back(wire::kAck);
}

void ReplyWriter::nak() {
    out_.push_back(wire::kNak);
}

void ReplyWriter::repeat() {
    out_.append(kept_.view());
}

void ReplyWriter::end() {
    if (run_length_encoding_)
        compress();
    const auto sum = std::byte{checksum(out_.view().substr(start_))};
    char* tail = out_.reserve_back(3);
    tail[0] = wire::kFrameEnd;
    encode_hex(std::span(&sum, 1), tail + 1);
    out_.advance(3);
    if (keep_frames_ && is_reply_) {
        kept_.clear();
        kept_.append(out_.view().substr(start_ - 1));
    }
}

// In place: the result is never longer. The byte after an escape takes no part in a run, as some
// clients resolve runs first and others escapes.
void ReplyWriter::compress() {
    char* const payload = out_.data() + start_;
    const std::size_t size = out_.size() - start_;
    std::size_t to = 0;
    for (std::size_t from = 0; from < size;) {
        const char c = payload[from++];
        payload[to++] = c;
        if (c == wire::kEscape && from < size) {
            payload[to++] = payload[from++];
            continue;
        }
        std::size_t repeats = 0;
        while (from + repeats < size && payload[from + repeats] == c && repeats < wire::kMaxRepeats)
            ++repeats;
        if (repeats < wire::kMinRepeats)
            continue;
        const std::size_t count = run_count(repeats);
        payload[to++] = wire::kRun;
        payload[to++] = static_cast<char>(count + wire::kRunBias);
        from += count;
    }
    out_.truncate(start_ + to);
}

ReplyWriter::Frame& ReplyWriter::Frame::text(std::string_view text) {
    writer_.out_.append(text);
    return *this;
}

ReplyWriter::Frame& ReplyWriter::Frame::words(std::string_view text) {
    for (const char c : text) {
        const bool plain = c >= ' ' && c <= '~' && !wire::needs_escape(c);
        writer_.out_.push_back(plain ? c : ' ');
    }
    return *this;
}

ReplyWriter::Frame& ReplyWriter::Frame::binary(std::span<const std::byte> bytes) {
    const auto* from = reinterpret_cast<const char*>(bytes.data());
    char* const start = writer_.out_.reserve_back(bytes.size() * 2);
    char* to = start;
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, from += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, from, 8);
        if (any_needs_escape(word)) {
            to = copy_escaped(from, 8, to);
        } else {
            std::memcpy(to, &word, 8);
            to += 8;
        }
    }
    to = copy_escaped(from, left, to);
    writer_.out_.advance(static_cast<std::size_t>(to - start));
    return *this;
}

ReplyWriter::Frame& ReplyWriter::Frame::hex(std::span<const std::byte> bytes) {
    encode_hex(bytes, writer_.out_.reserve_back(bytes.size() * 2));
    writer_.out_.advance(bytes.size() * 2);
    return *this;
}

ReplyWriter::Frame& ReplyWriter::Frame::hex_number(std::uint64_t value) {
    constexpr std::size_t kDigits = 16;
    char* const start = writer_.out_.reserve_back(kDigits);
    const auto result = std::to_chars(start, start + kDigits, value, 16);
    writer_.out_.advance(static_cast<std::size_t>(result.ptr - start));
    return *this;
}

ReplyWriter::Frame& ReplyWriter::Frame::decimal(std::uint64_t value) {
    constexpr std::size_t kDigits = 20;
    char* const start = writer_.out_.reserve_back(kDigits);
    const auto result = std::to_chars(start, start + kDigits, value, 10);
    writer_.out_.advance(static_cast<std::size_t>(result.ptr - start));
    return *this;
}

ReplyWriter::Frame& ReplyWriter::Frame::hex_byte(std::uint8_t value) {
    const auto byte = std::byte{value};
    return hex(std::span(&byte, 1));
}

ReplyWriter::Frame& ReplyWriter::Frame::unavailable(std::size_t bytes) {
    std::memset(writer_.out_.reserve_back(bytes * 2), 'x', bytes * 2);
    writer_.out_.advance(bytes * 2);
    return *this;
}

ReplyWriter::Frame& ReplyWriter::Frame::mark_unavailable(std::size_t payload_offset, std::size_t bytes) {
    const std::size_t size = writer_.out_.size() - writer_.start_;
    if (payload_offset <= size && bytes <= (size - payload_offset) / 2)
        std::memset(writer_.out_.data() + writer_.start_ + payload_offset, 'x', bytes * 2);
    return *this;
}

}  // namespace ringside::gdbstub
