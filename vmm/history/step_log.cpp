#include "vmm/history/step_log.h"

#include <algorithm>

namespace ringside::history {

StepLog::StepLog(std::size_t limit) : limit_(std::max(limit, kLeast)) {}

void StepLog::append(std::span<const std::byte> record, Change change) {
    Piece& piece = piece_with_room(record.size());
    const std::uint32_t is_step = change == Change::Step ? 1 : 0;
    piece.entries.push_back(
        {static_cast<std::uint32_t>(piece.data.size()), piece.steps_to(piece.entries.size()) + is_step});
    piece.data.insert(piece.data.end(), record.begin(), record.end());
    bytes_ += record.size() + sizeof(Entry);
    ++end_;
    steps_ += is_step;
}

// A piece is never moved while it grows, because it stays within its reservation. A record larger than a piece gets
// its own.
StepLog::Piece& StepLog::piece_with_room(std::size_t size) {
    const std::size_t piece_size = limit_ / kPieces;
    const auto used = [](const Piece& p) { return p.data.size() + p.entries.size() * sizeof(Entry); };
    if (pieces_.empty() || used(pieces_.back()) + size + sizeof(Entry) > piece_size) {
        while (pieces_.size() > 1 && bytes_ + std::max(size, piece_size) > limit_)
            drop_oldest();
        pieces_.push_back({.first = end_, .first_step = steps_, .entries = {}, .data = {}});
    }
    return pieces_.back();
}

void StepLog::drop_oldest() {
    const Piece& oldest = pieces_.front();
    bytes_ -= oldest.data.size() + oldest.entries.size() * sizeof(Entry);
    begin_ = oldest.first + oldest.entries.size();
    pieces_.pop_front();
    last_piece_ = 0;
}

std::size_t StepLog::piece_of(std::uint64_t number) const {
    const auto holds = [&](std::size_t i) {
        return i < pieces_.size() && number >= pieces_[i].first &&
               number - pieces_[i].first < pieces_[i].entries.size();
    };
    for (const std::size_t near : {last_piece_, last_piece_ - 1, last_piece_ + 1}) {
        if (holds(near))
            return last_piece_ = near;
    }
    const auto after = std::ranges::upper_bound(pieces_, number, {}, &Piece::first);
    return last_piece_ = static_cast<std::size_t>(after - pieces_.begin()) - 1;
}

StepLog::Record StepLog::at(std::uint64_t number) const {
    const Piece& piece = pieces_[piece_of(number)];
    const auto i = static_cast<std::size_t>(number - piece.first);
    const std::size_t start = piece.entries[i].start;
    const std::size_t end = i + 1 < piece.entries.size() ? piece.entries[i + 1].start : piece.data.size();
    const bool is_step = piece.entries[i].steps != piece.steps_to(i);
    return {std::span(piece.data).subspan(start, end - start), is_step ? Change::Step : Change::Other};
}

void StepLog::cut(std::uint64_t end) {
    while (end_ > end) {
        Piece& newest = pieces_.back();
        const auto keep = end > newest.first ? static_cast<std::size_t>(end - newest.first) : 0;
        const std::size_t start = newest.entries[keep].start;
        bytes_ -= newest.data.size() - start + (newest.entries.size() - keep) * sizeof(Entry);
        newest.data.resize(start);
        newest.entries.resize(keep);
        end_ = newest.first + keep;
        steps_ = newest.first_step + newest.steps_to(keep);
        if (newest.entries.empty())
            pieces_.pop_back();
    }
    last_piece_ = 0;
}

std::uint64_t StepLog::steps_to(std::uint64_t position) const {
    if (position == end_)
        return steps_;
    const Piece& piece = pieces_[piece_of(position)];
    return piece.first_step + piece.steps_to(static_cast<std::size_t>(position - piece.first));
}

// Where the next step begins.
std::optional<std::uint64_t> StepLog::position_of_step(std::uint64_t step) const {
    if (step == steps_)
        return end_;
    if (step > steps_ || step < steps_to(begin_))
        return std::nullopt;
    const Piece& piece = *(std::ranges::upper_bound(pieces_, step, {}, &Piece::first_step) - 1);
    const auto next = std::ranges::upper_bound(piece.entries, step - piece.first_step, {}, &Entry::steps);
    return piece.first + static_cast<std::uint64_t>(next - piece.entries.begin());
}

}  // namespace ringside::history
