// A recorded part of a guest's run, and a position in it: the machine's image and memory there. Going back or
// forward applies records to both, without calls to KVM.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "vmm/history/delta.h"
#include "vmm/history/memory_shadow.h"
#include "vmm/history/step_log.h"
#include "vmm/snapshot/machine_image.h"

namespace ringside::history {

class History {
  public:
    History(StepLog log, snapshot::MachineImage image, MemoryShadow shadow)
        : log_(std::move(log)), image_(std::move(image)), shadow_(std::move(shadow)) {}

    const StepLog& log() const { return log_; }
    // The state at position().
    const snapshot::MachineImage& image() const { return image_; }
    std::uint64_t position() const { return position_; }
    // The steps that were recorded up to position(), as StepLog::steps_to() counts them.
    std::uint64_t step() const { return log_.steps_to(position_); }
    std::uint64_t first_step() const { return log_.steps_to(log_.begin()); }
    std::uint64_t last_step() const { return log_.steps_to(log_.end()); }
    bool at_begin() const { return position_ == log_.begin(); }
    bool at_end() const { return position_ == log_.end(); }

    // The vCPU that a record is of.
    VcpuIndex vcpu_of(std::uint64_t record) const { return Delta(log_.at(record).bytes).vcpu(); }
    // The vCPU that goes on here; at the end, the one that has come here.
    VcpuIndex vcpu_here() const;

    // Records that a vCPU has changed the state to `next`, compared to the given `depth`, and that `dirty` pages may have
    // changed. Only at the end. If nothing has changed, only a Step is recorded.
    void append(const snapshot::MachineImage& next, VcpuIndex vcpu, snapshot::Depth depth,
                std::span<const Gpa> dirty, Change change);
    // Returns true if a page of guest memory differs from the history.
    bool differs(Gpa page) { return shadow_.differs(page); }
    // One record back, or forward. Not beyond the ends.
    Change undo();
    Change redo();
    // To any position in the log.
    void move_to(std::uint64_t position);
    // Returns what `look` returns for the state at another position. Afterwards position() is as before.
    template <typename F>
    auto as_of(std::uint64_t position, F&& look) {
        const std::uint64_t here = position_;
        move_to(position);
        auto seen = look();
        move_to(here);
        return seen;
    }
    // Discards what lies ahead, with its bookmarks. Returns the number of steps.
    std::uint64_t cut();

    // Named positions. Those that the log has dropped stay in the list.
    std::map<std::string, std::uint64_t, std::less<>>& bookmarks() { return bookmarks_; }
    const std::map<std::string, std::uint64_t, std::less<>>& bookmarks() const { return bookmarks_; }
    bool has(std::uint64_t position) const { return position >= log_.begin() && position <= log_.end(); }

  private:
    void apply(std::uint64_t record);

    StepLog log_;
    snapshot::MachineImage image_;
    MemoryShadow shadow_;
    DeltaWriter writer_;
    std::map<std::string, std::uint64_t, std::less<>> bookmarks_;
    std::uint64_t position_ = 0;
};

}  // namespace ringside::history
