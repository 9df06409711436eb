// The records of a history, by number. Memory is bounded: the oldest are dropped, in pieces of a few per cent.
//
// Record n leads from position n to position n + 1. Numbers are never used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace ringside::history {

class StepLog {
  public:
    // At least kLeast.
    explicit StepLog(std::size_t limit);
    static constexpr std::size_t kLeast = std::size_t{64} << 10;

    std::size_t limit() const { return limit_; }
    std::size_t bytes() const { return bytes_; }
    std::uint64_t begin() const { return begin_; }
    std::uint64_t end() const { return end_; }

    // `tag` is the caller's.
    void append(std::span<const std::byte> record, std::uint8_t tag);
    struct Record {
        std::span<const std::byte> bytes;
        std::uint8_t tag = 0;
    };
    // begin() <= number < end()
    Record at(std::uint64_t number) const;
    // Drops the records from `end` on.
    void cut(std::uint64_t end);

  private:
    struct Entry {
        std::uint32_t start = 0;
        std::uint8_t tag = 0;
    };
    struct Piece {
        std::uint64_t first = 0;
        std::vector<Entry> entries;
        std::vector<std::byte> data;
    };
    static constexpr std::size_t kPieces = 32;

    std::size_t piece_of(std::uint64_t number) const;
    Piece& piece_with_room(std::size_t size);
    void drop_oldest();

    std::size_t limit_;
    std::size_t bytes_ = 0;  // of records and entries
    std::uint64_t begin_ = 0, end_ = 0;
    std::deque<Piece> pieces_;
    mutable std::size_t last_piece_ = 0;  // where the last record was found
};

}  // namespace ringside::history
