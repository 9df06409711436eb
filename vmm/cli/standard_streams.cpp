#include "vmm/cli/options.h"

namespace ringside::cli {

namespace {

using Kind = devices::ConsoleEndpoint::Kind;

bool stdio_is_gdb(const RunOptions& options) {
    return options.gdb && std::holds_alternative<gdbstub::StdioEndpoint>(*options.gdb);
}

}  // namespace

// gdb needs the terminal for itself, so the guest then only writes.
devices::ConsoleEndpoint serial_console(const RunOptions& options) {
    if (options.serial)
        return *options.serial;
    const bool taken = stdio_is_gdb(options) || options.start_gdb || options.virtio.console_on_stdio();
    return {taken ? Kind::Stderr : Kind::Stdio, {}};
}

Result<void> check_standard_streams(const RunOptions& options) {
    const bool serial_on_stdio = serial_console(options).kind == Kind::Stdio;
    if (stdio_is_gdb(options) && serial_on_stdio)
        return failure("--serial stdio", "stdin and stdout carry the debugger's packets",
                       "Use --serial stderr, file:PATH or none");
    if (options.virtio.console_on_stdio() && (stdio_is_gdb(options) || options.start_gdb || serial_on_stdio))
        return failure("--virtio-console stdio", "stdin and stdout are in use already",
                       "Use pty or unix:PATH");
    return {};
}

}  // namespace ringside::cli
