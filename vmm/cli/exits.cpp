#include "vmm/cli/exits.h"

#include <fmt/format.h>

#include "vmm/cli/exit_status.h"

namespace ringside::cli {

int exits(const ExitsOptions& options) {
    const auto text = ringside::exits::report_trace(options.recording, options.report);
    if (!text) {
        fmt::print(stderr, "ringside: {}\n", text.error().message());
        return kFailure;
    }
    fmt::print("{}", *text);
    return kSuccess;
}

}  // namespace ringside::cli
