// The records of a history, by number. Memory is bounded: the oldest are dropped, in pieces of a few percent.
//
// Record n leads from position n to position n + 1. Steps are counted separately: a client's write is not a step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace ringside::history {

enum class Change : std::uint8_t {
    Step,   // the guest has executed something
    Other,  // it has not: the client wrote something, or an interrupt has become pending
};

class StepLog {
  public:
    // At least kLeast.
    explicit StepLog(std::size_t limit);
    static constexpr std::size_t kLeast = std::size_t{64} << 10;

    std::size_t limit() const { return limit_; }
    std::size_t bytes() const { return bytes_; }
    std::uint64_t begin() const { return begin_; }
    std::uint64_t end() const { return end_; }

    void append(std::span<const std::byte> record, Change change);
    struct Record {
        std::span<const std::byte> bytes;
        Change change = Change::Step;
    };
    // begin() <= number < end()
    Record at(std::uint64_t number) const;
    // Drops the records from `end` on.
    void cut(std::uint64_t end);

    // The number of steps up to a position, from begin() to end(), since the recording began, including dropped ones.
    std::uint64_t steps_to(std::uint64_t position) const;
    // The last position with this number of steps; nullopt if none is in the log.
    std::optional<std::uint64_t> position_of_step(std::uint64_t step) const;

  private:
    struct Entry {
        std::uint32_t start = 0;
        std::uint32_t steps = 0;  // of the piece, up to and including this record
    };
    struct Piece {
        std::uint64_t first = 0;
        std::uint64_t first_step = 0;
        std::vector<Entry> entries;
        std::vector<std::byte> data;

        std::uint32_t steps_to(std::size_t i) const { return i == 0 ? 0 : entries[i - 1].steps; }
    };
    static constexpr std::size_t kPieces = 32;

    std::size_t piece_of(std::uint64_t number) const;
    Piece& piece_with_room(std::size_t size);
    void drop_oldest();

    std::size_t limit_;
    std::size_t bytes_ = 0;  // of records and entries
    std::uint64_t begin_ = 0, end_ = 0;
    std::uint64_t steps_ = 0;  // to end_
    std::deque<Piece> pieces_;
    mutable std::size_t last_piece_ = 0;  // where the last record was found
};

}  // namespace ringside::history
