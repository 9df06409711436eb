#include "vmm/cli/run.h"

#include <fmt/format.h>

#include <csignal>
#include <fstream>

#include "vmm/cli/exit_status.h"
#include "vmm/cli/gdb_process.h"
#include "vmm/cli/virtual_machine.h"

namespace ringside::cli {

namespace {

int report(const Error& error) {
    fmt::print(stderr, "ringside: {}\n", error.message());
    return kFailure;
}

}  // namespace

int run(const RunOptions& options) {
    VirtualMachine machine(options);
    if (auto r = machine.build(); !r)
        return report(r.error());
    return machine.run();
}

int run_with_gdb(RunOptions options) {
    auto socket = PrivateSocket::create();
    if (!socket)
        return report(socket.error());
    options.gdb = gdbstub::UnixEndpoint{socket->path()};
    VirtualMachine machine(options);
    if (auto r = machine.build(); !r)
        return report(r.error());
    asio::signal_set child(machine.io(), SIGCHLD);
    std::ofstream(socket->script_path()) << machine.gdb_script();
    const auto gdb = start_gdb(options, *socket);
    if (!gdb)
        return report(gdb.error());
    wait_for_gdb(child, *gdb, [&](int status) { machine.end(status); });
    return machine.run();
}

}  // namespace ringside::cli
