#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <exception>

#include "vmm/cli/core.h"
#include "vmm/cli/ctl.h"
#include "vmm/cli/doctor.h"
#include "vmm/cli/exit_status.h"
#include "vmm/cli/exits.h"
#include "vmm/cli/ide.h"
#include "vmm/cli/lab_host.h"
#include "vmm/cli/options.h"
#include "vmm/cli/run.h"
#include "vmm/cli/top.h"

namespace {

using namespace ringside;

// stdout belongs to the guest or to the debugger's packets.
void set_up_log(spdlog::level::level_enum level) {
    auto logger =
        std::make_shared<spdlog::logger>("ringside", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_level(level);
    logger->set_pattern("[%H:%M:%S.%e] %v");
    spdlog::set_default_logger(std::move(logger));
}

struct Dispatch {
    int operator()(const cli::DoctorOptions& options) const { return cli::doctor(options); }
    int operator()(const cli::ExitsOptions& options) const { return cli::exits(options); }
    int operator()(const cli::IdeOptions& options) const { return cli::ide(options); }
    int operator()(const cli::CtlOptions& options) const { return cli::ctl(options); }
    int operator()(const cli::CoreOptions& options) const { return cli::core(options); }
    int operator()(const cli::TopOptions& options) const { return cli::top(options); }
    int operator()(const cli::RunOptions& options) const {
        set_up_log(options.log_level);
        return options.start_gdb ? cli::run_with_gdb(options) : cli::run(options);
    }
};

// A command that needs a machine, and where it is wanted.
struct MachineWanted {
    cli::Host host = cli::Host::Kvm;
    std::string kvm_device;
};

struct WantedBy {
    MachineWanted operator()(const cli::ExitsOptions&) const { return {}; }
    MachineWanted operator()(const cli::IdeOptions&) const { return {}; }
    MachineWanted operator()(const cli::CtlOptions&) const { return {}; }
    MachineWanted operator()(const cli::CoreOptions&) const { return {}; }
    MachineWanted operator()(const cli::TopOptions&) const { return {}; }
    template <typename Options>
    MachineWanted operator()(const Options& options) const {
        return {options.host, options.kvm_device};
    }
};

int carry_out(const cli::ParsedCommandLine& parsed) {
    const MachineWanted wanted = std::visit(WantedBy{}, *parsed.command);
    // Who names a device wants that one.
    const bool named = wanted.kvm_device != "/dev/kvm";
    const cli::Host asked = named && wanted.host == cli::Host::Auto ? cli::Host::Kvm : wanted.host;
    const auto choice = cli::choose_host(asked, [&wanted] { return cli::usable_kvm(wanted.kvm_device); });
    if (choice.host == cli::Host::Kvm)
        return std::visit(Dispatch{}, *parsed.command);
    if (!choice.notice.empty())
        fmt::print(stderr, "ringside: {}\n", choice.notice);
    fmt::print(stderr, "ringside: {}\n", cli::run_in_lab(choice.host, parsed).message());
    return cli::kFailure;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is a write error, not our end
    std::signal(SIGXFSZ, SIG_IGN);  // and so is a file that may not be that large
    try {
        const auto parsed = cli::parse_command_line(argc, argv);
        return parsed.command ? carry_out(parsed) : parsed.status;
    } catch (const std::exception& error) {
        fmt::print(stderr, "ringside: {}\n", error.what());
        return cli::kFailure;
    }
}
