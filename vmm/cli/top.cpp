#include "vmm/cli/top.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include <fmt/format.h>

#include "vmm/cli/control_client.h"
#include "vmm/cli/exit_rates.h"
#include "vmm/cli/exit_status.h"

namespace ringside::cli {

namespace {

constexpr const char* kCounters = "exits counters";
constexpr const char* kClearScreen = "\033[H\033[J";
constexpr std::size_t kRowsOnTerminal = 8, kRowsInBatch = 1000;

int fail(const Error& error) {
    fmt::print(stderr, "ringside: {}\n", error.message());
    return kFailure;
}

}  // namespace

int top(const TopOptions& options) {
    const bool batch = options.batch || ::isatty(STDOUT_FILENO) == 0;
    auto before = ask_machine(options.path, kCounters);
    if (!before)
        return fail(before.error());
    for (std::uint64_t shown = 0; options.count == 0 || shown < options.count; ++shown) {
        std::this_thread::sleep_for(std::chrono::duration<double>(options.interval));
        auto now = ask_machine(options.path, kCounters);
        if (!now)
            return shown == 0 ? fail(now.error()) : kSuccess;  // the machine has ended
        const auto rates = exit_rates(*before, *now, batch ? kRowsInBatch : kRowsOnTerminal);
        if (!rates)
            return fail(rates.error());
        if (batch)
            fmt::print("{}{}", shown == 0 ? "" : "\n", rate_lines(*rates));
        else
            fmt::print("{}{}", kClearScreen, rate_tables(*rates));
        if (std::fflush(stdout) != 0)
            return kSuccess;  // the reader has gone
        before = std::move(now);
    }
    return kSuccess;
}

}  // namespace ringside::cli
