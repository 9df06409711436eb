#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <exception>

#include "vmm/cli/doctor.h"
#include "vmm/cli/exit_status.h"
#include "vmm/cli/exits.h"
#include "vmm/cli/options.h"
#include "vmm/cli/run.h"

namespace {

using namespace ringside;

// stdout belongs to the guest or to the debugger's packets.
void set_up_log(const std::string& level) {
    auto logger =
        std::make_shared<spdlog::logger>("ringside", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_level(spdlog::level::from_str(level));
    logger->set_pattern("[%H:%M:%S.%e] %v");
    spdlog::set_default_logger(std::move(logger));
}

struct Dispatch {
    int operator()(const cli::DoctorOptions& options) const { return cli::doctor(options); }
    int operator()(const cli::ExitsOptions& options) const { return cli::exits(options); }
    int operator()(const cli::RunOptions& options) const {
        set_up_log(options.log_level);
        return options.start_gdb ? cli::run_with_gdb(options) : cli::run(options);
    }
};

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is a write error, not our end
    try {
        const auto parsed = cli::parse_command_line(argc, argv);
        return parsed.command ? std::visit(Dispatch{}, *parsed.command) : parsed.status;
    } catch (const std::exception& error) {
        fmt::print(stderr, "ringside: {}\n", error.what());
        return cli::kFailure;
    }
}
