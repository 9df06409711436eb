#include "vmm/history/history.h"

namespace ringside::history {

void History::append(const snapshot::MachineImage& next, VcpuIndex vcpu, snapshot::Depth depth,
                     std::span<const Gpa> dirty, Change change) {
    const auto part = next.part(vcpu, depth);
    writer_.begin(vcpu);
    writer_.words(image_.bytes(), next.bytes(), part.offset, part.size);
    for (const Gpa page : dirty)
        shadow_.compare(page, writer_);
    if (change != Change::Step && writer_.empty())
        return;
    log_.append(writer_.finish(), change);
    position_ = log_.end();
}

VcpuIndex History::vcpu_here() const {
    for (std::uint64_t record = position_; record < log_.end(); ++record) {
        if (log_.at(record).change == Change::Step)
            return vcpu_of(record);
    }
    return log_.begin() == log_.end() ? VcpuIndex{} : vcpu_of(log_.end() - 1);
}

void History::apply(std::uint64_t record) {
    const Delta delta(log_.at(record).bytes);
    delta.apply_words(image_.bytes());
    shadow_.apply(delta);
}

Change History::undo() {
    apply(--position_);
    return log_.at(position_).change;
}

Change History::redo() {
    apply(position_);
    return log_.at(position_++).change;
}

void History::move_to(std::uint64_t position) {
    while (position_ > position)
        undo();
    while (position_ < position)
        redo();
}

std::uint64_t History::cut() {
    const std::uint64_t ahead = last_step() - step();
    log_.cut(position_);
    std::erase_if(bookmarks_, [this](const auto& bookmark) { return bookmark.second > position_; });
    return ahead;
}

}  // namespace ringside::history
