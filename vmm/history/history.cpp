#include "vmm/history/history.h"

namespace ringside::history {

void History::append(const snapshot::MachineImage& next, snapshot::Depth depth, std::span<const Gpa> dirty,
                     Change change) {
    writer_.begin();
    writer_.words(image_.bytes(), next.bytes(depth));
    for (const Gpa page : dirty)
        shadow_.compare(page, writer_);
    if (change != Change::Step && writer_.empty())
        return;
    log_.append(writer_.finish(), static_cast<std::uint8_t>(change));
    position_ = log_.end();
}

void History::apply(std::uint64_t record) {
    const Delta delta(log_.at(record).bytes);
    delta.apply_words(image_.bytes());
    shadow_.apply(delta);
}

Change History::undo() {
    apply(--position_);
    return static_cast<Change>(log_.at(position_).tag);
}

Change History::redo() {
    apply(position_);
    return static_cast<Change>(log_.at(position_++).tag);
}

std::uint64_t History::cut() {
    const std::uint64_t ahead = log_.end() - position_;
    log_.cut(position_);
    return ahead;
}

}  // namespace ringside::history
