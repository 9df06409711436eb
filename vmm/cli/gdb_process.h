// The gdb that `ringside gdb` starts in its own terminal.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>

#include "vmm/base/temporary_folder.h"
#include "vmm/cli/options.h"

namespace ringside::cli {

// A unix socket in its own directory, which is removed with this object.
class PrivateSocket {
  public:
    static Result<PrivateSocket> create();
    std::string path() const { return folder_.path() + "/gdb"; }
    // A file next to it, for gdb to read at its start.
    std::string script_path() const { return folder_.path() + "/ringside.py"; }

  private:
    explicit PrivateSocket(TemporaryFolder folder) : folder_(std::move(folder)) {}
    TemporaryFolder folder_;
};

// gdb's command line up to the kernel's symbols, if a file has them.
std::vector<std::string> gdb_command(const RunOptions& options);

// Starts gdb with the kernel's symbols; it reads the socket's script and connects to the socket. `on_exit`
// gets its exit status on io's thread.
Result<pid_t> start_gdb(const RunOptions& options, const PrivateSocket& socket);
void wait_for_gdb(asio::signal_set& child_signals, pid_t gdb, std::function<void(int)> on_exit);

}  // namespace ringside::cli
