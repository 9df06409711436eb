#include "tests/conformance/monitor_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

#include "tests/support/patience.h"

namespace ringside::conformance {

namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;

std::filesystem::path from_environment(const char* variable, const std::filesystem::path& otherwise) {
    const char* value = std::getenv(variable);
    return value != nullptr ? std::filesystem::path(value) : otherwise;
}

// build/<preset>, from build/<preset>/tests/conformance/conformance
std::filesystem::path build_folder() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path().parent_path();
}

std::filesystem::path new_folder() {
    std::string name = std::filesystem::temp_directory_path() / "ringside-XXXXXX";
    if (mkdtemp(name.data()) == nullptr)
        throw std::runtime_error("cannot make a temporary folder");
    return name;
}

// Returns true if the handle can be read, or has ended, within the usual time limit.
bool readable(int handle) {
    pollfd ready{handle, POLLIN, 0};
    return poll(&ready, 1, static_cast<int>(testing::patience(kPatience).count())) == 1;
}

}  // namespace

std::filesystem::path ringside_program() {
    return from_environment("RINGSIDE", build_folder() / "ringside");
}

std::filesystem::path guests_folder() {
    return from_environment("RINGSIDE_GUESTS", build_folder() / "guests");
}

MonitorProcess::MonitorProcess(const Start& start) : folder_(new_folder()) {
    spawn(start);
    wait_until_it_listens();
}

MonitorProcess::~MonitorProcess() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    if (stderr_ >= 0)
        close(stderr_);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

void MonitorProcess::spawn(const Start& start) {
    std::vector<std::string> words{ringside_program(),
                                   "run",
                                   "-m",
                                   "64M",
                                   "-c",
                                   std::to_string(start.cpus),
                                   "--wait",
                                   fmt::format("--gdb=unix:{}", socket().native()),
                                   "--gdb-arch=x86-64",
                                   fmt::format("--serial=file:{}", (folder_ / "serial").native()),
                                   start.kernel};
    words.insert(words.end() - 1, start.options.begin(), start.options.end());
    if (!start.command_line.empty())
        words.insert(words.end() - 1, "--append=" + start.command_line);
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);

    std::array<int, 2> pipe{};
    if (pipe2(pipe.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("cannot make a pipe");
    stderr_ = pipe[0];
    pid_ = fork();
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(pipe[1], STDERR_FILENO);
        execv(arguments[0], arguments.data());
        _exit(127);
    }
    close(pipe[1]);
    if (pid_ < 0)
        throw std::runtime_error("cannot fork");
}

bool MonitorProcess::read_log() {
    std::array<char, 4096> buffer{};
    const auto count = read(stderr_, buffer.data(), buffer.size());
    if (count > 0)
        log_.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0;
}

void MonitorProcess::wait_until_it_listens() {
    while (log_.find("gdb: listening on") == std::string::npos) {
        if (!readable(stderr_) || !read_log())
            throw std::runtime_error(
                fmt::format("{} does not listen: {}", ringside_program().native(), log_));
    }
}

std::string MonitorProcess::serial() const {
    std::ifstream file(folder_ / "serial", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

int MonitorProcess::wait() {
    // A descriptor of the process becomes readable at its end.
    const auto handle = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    if (handle < 0)
        throw std::runtime_error("cannot watch the process");
    const bool ended = readable(handle);
    close(handle);
    if (!ended)
        throw std::runtime_error("ringside does not end");
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string MonitorProcess::log() {
    if (pid_ > 0)
        kill(pid_, SIGKILL);  // otherwise its standard error has no end
    while (read_log()) {
    }
    return log_;
}

}  // namespace ringside::conformance
