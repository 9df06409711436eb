#include "vmm/cli/boot_report.h"

#include <spdlog/spdlog.h>

namespace ringside::cli {

namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

}  // namespace

double BootReport::milliseconds() const {
    return Milliseconds(Clock::now() - began_).count();
}

void BootReport::begin(const std::string& what) {
    spdlog::info("boot: {} ...", what);
}

void BootReport::loaded(const std::string& kernel, const boot::BootState& state) const {
    for (const boot::BootStage& stage : state.stages)
        spdlog::info("boot: {:8.1f} ms to {}", Milliseconds(stage.took).count(), stage.what);
    spdlog::info("boot: {}: {}", kernel, state.summary);
}

void BootReport::started(bool waiting) const {
    spdlog::info("boot: {} after {:.1f} ms",
                 waiting ? "stopped at the first instruction" : "first instruction", milliseconds());
}

void BootReport::wrote() const {
    spdlog::info("boot: the guest's first character after {:.1f} ms", milliseconds());
}

}  // namespace ringside::cli
