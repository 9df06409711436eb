#include "vmm/cli/ctl.h"

#include <fmt/format.h>

#include "vmm/cli/control_client.h"
#include "vmm/cli/exit_status.h"

namespace ringside::cli {

int ctl(const CtlOptions& options) {
    const auto answer = ask_machine(options.path, fmt::format("{}", fmt::join(options.words, " ")));
    if (!answer) {
        fmt::print(stderr, "ringside: {}\n", answer.error().message());
        return kFailure;
    }
    fmt::print(answer->refused ? stderr : stdout, "{}", answer->text);
    return answer->refused ? kFailure : kSuccess;
}

}  // namespace ringside::cli
