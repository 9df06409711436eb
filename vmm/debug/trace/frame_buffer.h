// The trace frames of an experiment, in memory that is allocated before it starts.
//
// Frames follow each other in gdb's format (gdbstub/tracepoints.h), in a ring. If the buffer is circular, one that does
// not fit makes room by removing the oldest. A frame is complete or absent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ringside::debug {

class FrameBuffer {
  public:
    static constexpr std::size_t kHeader = 6;  // number and size

    // A frame's place. It changes when frames before it are removed.
    struct Frame {
        std::uint16_t tracepoint = 0;
        std::uint64_t data = 0;  // position of its first block
        std::uint32_t size = 0;  // of its blocks
    };

    // Empties it, and allocates memory if the size differs.
    void reset(std::size_t capacity, bool circular);

    std::size_t capacity() const { return bytes_.size(); }
    std::uint64_t used() const { return end_ - begin_; }
    std::uint64_t frames() const { return frames_; }
    std::uint64_t created() const { return created_; }

    // ---- Adding a frame. After false there is no room for it, and it is gone.

    bool open(std::uint16_t tracepoint);
    bool add(std::span<const std::byte> bytes);
    // Returns the frame's size.
    std::uint64_t close();
    void abandon();
    bool has_open_frame() const { return written_ != end_; }

    // ---- Reading

    // The frames from the oldest on: first(), and next() until it returns nullopt.
    std::optional<Frame> first() const { return at(begin_); }
    std::optional<Frame> next(const Frame& frame) const { return at(frame.data + frame.size); }
    // Copies from a frame's position. Data after the last frame is not copied.
    std::size_t copy(std::uint64_t position, std::span<std::byte> out) const;
    // Copies from this many bytes after the oldest frame's start.
    std::size_t read(std::uint64_t offset, std::span<std::byte> out) const;

  private:
    std::optional<Frame> at(std::uint64_t position) const;
    bool make_room(std::size_t size);
    void put(std::uint64_t position, std::span<const std::byte> bytes);

    std::vector<std::byte> bytes_;
    bool circular_ = false;
    // Positions grow without limit; a byte's place is its position modulo the capacity.
    std::uint64_t begin_ = 0;    // of the oldest frame
    std::uint64_t end_ = 0;      // after the last whole one
    std::uint64_t written_ = 0;  // after the data of an open frame
    std::uint64_t frames_ = 0, created_ = 0;
};

}  // namespace ringside::debug
