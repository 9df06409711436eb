#include "vmm/cli/core.h"

#include <csignal>
#include <memory>

#include <fmt/format.h>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>

#include "gdbstub/transport/server.h"
#include "vmm/cli/exit_status.h"
#include "vmm/debug/core/core_monitor.h"
#include "vmm/debug/linux/linux_commands.h"
#include "vmm/debug/monitor/documents.h"

namespace ringside::cli {

namespace {

int fail(const std::string& message) {
    fmt::print(stderr, "ringside: {}\n", message);
    return kFailure;
}

}  // namespace

int core(const CoreOptions& options) {
    auto file = debug::CoreFile::open(options.path);
    if (!file)
        return fail(file.error().message());
    asio::io_context io;
    std::unique_ptr<gdbstub::Server> server;
    debug::CoreTarget core(
        std::move(*file), [&io] { io.stop(); },
        [&server](const gdbstub::StopEvent& stop) { server->post_stop(stop); });
    debug::CoreMonitor monitor(core);
    debug::DocumentStore documents(core.registers().target_description());
    debug::add_linux_document(documents, monitor.linux_kernel());
    core.target().monitor = &monitor;
    core.target().documents = &documents;
    gdbstub::ServerHooks hooks;
    const bool stdio = std::holds_alternative<gdbstub::StdioEndpoint>(options.gdb);
    if (stdio)
        hooks.on_disconnect = [&io] { io.stop(); };
    auto opened = gdbstub::Server::open(io, options.gdb, core.target(), hooks);
    if (!opened)
        return fail(fmt::format("--gdb {}: {}", gdbstub::to_string(options.gdb), opened.error().message));
    server = std::move(*opened);
    fmt::print(stderr, "gdb: listening on {}\n", server->description());
    asio::signal_set signals(io, SIGINT, SIGTERM, SIGHUP);
    int status = kSuccess;
    signals.async_wait([&](std::error_code error, int signal) {
        if (!error) {
            status = 128 + signal;
            io.stop();
        }
    });
    io.run();
    server.reset();  // says goodbye to its client while the target still lives
    return status;
}

}  // namespace ringside::cli
