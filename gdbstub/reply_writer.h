// Writes replies: the only place that handles '$', checksums, escapes and runs on output.
//
//     writer.frame().text("T05thread:").hex_number(1).text(";");
//
// A Frame is completed, with its checksum, when it goes out of scope. Only one is open at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "gdbstub/output_buffer.h"

namespace ringside::gdbstub {

class ReplyWriter {
  public:
    class Frame {
      public:
        ~Frame() { writer_.end(); }
        Frame(const Frame&) = delete;
        Frame& operator=(const Frame&) = delete;

        // Characters that need no escape.
        Frame& text(std::string_view text);
        // Text for a person: characters that the frame cannot contain become spaces.
        Frame& words(std::string_view text);
        // Any bytes; those that are special in a frame are escaped.
        Frame& binary(std::span<const std::byte> bytes);
        Frame& binary(std::string_view text) { return binary(std::as_bytes(std::span(text))); }
        // Two digits a byte.
        Frame& hex(std::span<const std::byte> bytes);
        Frame& hex(std::string_view text) { return hex(std::as_bytes(std::span(text))); }
        // A number, most significant digit first, without leading zeros.
        Frame& hex_number(std::uint64_t value);
        Frame& decimal(std::uint64_t value);
        // Two digits.
        Frame& hex_byte(std::uint8_t value);
        // "xx" for each byte whose value is not known.
        Frame& unavailable(std::size_t bytes);
        // Overwrites hex digits that were written before, at this offset of the payload, with "xx".
        Frame& mark_unavailable(std::size_t payload_offset, std::size_t bytes);

      private:
        friend class ReplyWriter;
        explicit Frame(ReplyWriter& writer) : writer_(writer) {}
        ReplyWriter& writer_;
    };

    ReplyWriter(OutputBuffer& out, bool run_length_encoding)
        : out_(out), run_length_encoding_(run_length_encoding) {}

    [[nodiscard]] Frame frame();
    // A notification, which the client does not acknowledge and which is never repeated: `%Stop:...`.
    [[nodiscard]] Frame notification();
    void ack();
    void nak();

    // Sends the last frame again, for a client that answered '-'. It must have been kept (keep_frames).
    void repeat();
    // Forgets it: the client asks for something else, and '-' refers to the reply that is still to come.
    void forget_kept() { kept_.clear(); }
    // Keep a copy of each frame for repeat(): needed as long as the client acknowledges.
    void keep_frames(bool keep) { keep_frames_ = keep; }

  private:
    Frame begin(char introducer);
    void end();
    void compress();

    OutputBuffer& out_;
    OutputBuffer kept_;
    std::size_t start_ = 0;  // of the open frame's payload, in out_
    bool run_length_encoding_;
    bool keep_frames_ = true;
    bool is_reply_ = true;  // the open frame
};

}  // namespace ringside::gdbstub
