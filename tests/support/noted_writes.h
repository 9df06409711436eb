// What the monitor has reported to have written to guest memory.
#pragma once

#include <mutex>
#include <vector>

#include "vmm/machine/guest_memory.h"

namespace ringside::testing {

class NotedWrites final : public machine::WriteListener {
  public:
    void written(Gpa gpa, std::uint64_t size) override {
        const std::scoped_lock lock(mutex_);
        writes_.push_back({gpa, size});
    }
    // Returns true if one of the reported writes covers the byte.
    bool cover(Gpa byte) const {
        const std::scoped_lock lock(mutex_);
        for (const Write& write : writes_) {
            if (byte >= write.start && byte - write.start < write.size)
                return true;
        }
        return false;
    }

  private:
    struct Write {
        Gpa start;
        std::uint64_t size;
    };
    mutable std::mutex mutex_;
    std::vector<Write> writes_;
};

}  // namespace ringside::testing
