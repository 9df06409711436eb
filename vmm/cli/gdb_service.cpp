#include "vmm/cli/gdb_service.h"

#include <fmt/format.h>

#include <variant>

#include "vmm/cli/options.h"
#include "vmm/debug/monitor/arguments.h"

namespace ringside::cli {

namespace {

constexpr const char* kCommand = "gdbserver";

// gdb's command for a socket that it can connect to from this machine.
std::string how_to_attach(const gdbstub::Server& server) {
    const std::string& where = server.description();
    if (server.port() != 0)
        return fmt::format(", as by `target remote {}`", where);
    constexpr std::string_view kUnix = "unix:";
    return where.starts_with(kUnix) ? fmt::format(", as by `target remote {}`", where.substr(kUnix.size()))
                                    : std::string();
}

Result<std::string> open(debug::Debugger& debugger, GdbService& service, std::string_view text) {
    if (service.server() != nullptr)
        return failure(kCommand,
                       fmt::format("a debugger is already served at {}", service.server()->description()),
                       "`gdbserver none` closes it, while no debugger is attached");
    const auto endpoint = gdbstub::parse_endpoint(text);
    if (!endpoint)
        return failure(kCommand, endpoint.error().message);
    if (std::holds_alternative<gdbstub::StdioEndpoint>(*endpoint))
        return failure(kCommand, "stdin and stdout cannot be used for this while the machine runs",
                       "Use tcp: or unix:, or start the machine with --gdb=stdio");
    TRY(service.open(kCommand, *endpoint, debugger.target()));
    return fmt::format("A debugger can attach at {}{}.\n", service.server()->description(),
                       how_to_attach(*service.server()));
}

Result<std::string> close(const debug::Debugger& debugger, GdbService& service) {
    if (service.server() == nullptr)
        return std::string("No debugger is served.\n");
    if (service.server()->connected() || debugger.client_attached())
        return failure(kCommand, "a debugger is attached", "Detach it first");
    const std::string where = service.server()->description();
    service.close();
    return fmt::format("No debugger is served at {} any more.\n", where);
}

}  // namespace

Result<void> GdbService::open(const std::string& operation, const gdbstub::Endpoint& endpoint,
                              gdbstub::Target& target) {
    auto server = gdbstub::Server::open(io_, endpoint, target, hooks_(endpoint));
    if (!server)
        return failure(operation, server.error().message);
    server_ = std::move(*server);
    return {};
}

void add_gdbserver_command(debug::MonitorRegistry& registry, debug::Debugger& debugger, GdbService& service) {
    debug::add_text(
        registry, debugger,
        {kCommand, "[ENDPOINT|none]",
         fmt::format("serves a debugger at ENDPOINT (default {}); none: closes it", kDefaultEndpoint), 1,
         [&](const debug::Arguments& arguments) -> Result<std::string> {
             const auto text = arguments.words.empty() ? kDefaultEndpoint : arguments.words.front();
             return text == "none" ? close(debugger, service) : open(debugger, service, text);
         }},
        debug::Subject::Machine);
}

}  // namespace ringside::cli
