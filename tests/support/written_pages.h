// Dirty pages of a machine without KVM: a test's scripted vCPU says what it has written.
#pragma once

#include <utility>
#include <vector>

#include "vmm/machine/dirty_pages.h"

namespace ringside::testing {

class WrittenPages final : public machine::DirtyPages::Source {
  public:
    // Kept by the test: the source belongs to the machine.
    struct Log {
        std::vector<Gpa> pages;
        int started = 0, stopped = 0, forgotten = 0;
        bool unlimited = true, fails = false;
    };
    explicit WrittenPages(Log& log) : log_(log) {}

    std::string_view name() const override { return "test"; }
    bool is_unlimited() const override { return log_.unlimited; }
    Result<void> start() override {
        ++log_.started;
        return {};
    }
    Result<void> stop() override {
        ++log_.stopped;
        return {};
    }
    Result<void> collect(const std::function<void(Gpa)>& each) override {
        if (log_.fails)
            return failure("collect", "no");
        for (const Gpa page : std::exchange(log_.pages, {}))
            each(page);
        return {};
    }
    Result<void> forget_translations() override {
        ++log_.forgotten;
        log_.pages.clear();
        return {};
    }

  private:
    Log& log_;
};

}  // namespace ringside::testing
