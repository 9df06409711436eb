#include "vmm/cli/gdb_process.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <vector>

namespace ringside::cli {

namespace {

bool is_elf(const std::string& path) {
    char magic[4] = {};
    std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
    return std::string_view(magic, sizeof magic) == "\177ELF";
}

}  // namespace

Result<PrivateSocket> PrivateSocket::create() {
    const char* base = ::getenv("XDG_RUNTIME_DIR");
    return PrivateSocket(TRY(TemporaryFolder::create(base != nullptr && *base != '\0' ? base : "/tmp")));
}

std::vector<std::string> gdb_command(const RunOptions& options) {
    std::vector<std::string> arguments{"gdb", "-q"};
    const std::string& symbols = options.symbols.empty() ? options.kernel : options.symbols;
    if (is_elf(symbols))
        arguments.push_back(symbols);
    return arguments;
}

Result<pid_t> start_gdb(const RunOptions& options, const PrivateSocket& socket) {
    std::vector<std::string> arguments = gdb_command(options);
    arguments.insert(arguments.end(), {"-ex", "source " + socket.script_path(), "-ex",
                                       "target extended-remote " + socket.path()});
    arguments.insert(arguments.end(), options.gdb_arguments.begin(), options.gdb_arguments.end());
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& argument : arguments)
        argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_t pid = 0;
    if (const int error = ::posix_spawnp(&pid, "gdb", nullptr, nullptr, argv.data(), environ); error != 0)
        return errno_failure("start gdb", error, "Install it with: apt-get install gdb");
    return pid;
}

void wait_for_gdb(asio::signal_set& child_signals, pid_t gdb, std::function<void(int)> on_exit) {
    child_signals.async_wait([&child_signals, gdb, on_exit = std::move(on_exit)](std::error_code error, int) {
        if (error)
            return;
        int status = 0;
        if (::waitpid(gdb, &status, WNOHANG) != gdb)
            return wait_for_gdb(child_signals, gdb, on_exit);
        on_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    });
}

}  // namespace ringside::cli
