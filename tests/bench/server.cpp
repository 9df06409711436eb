#include "tests/bench/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <utility>

namespace ringside::bench {
namespace {

constexpr int kPatienceMs = 120'000;

// A byte stream's text up to and with the first `end`; throws at its end and when nothing comes for too long.
std::string read_until(int handle, std::string_view end, std::string_view what) {
    std::string text;
    while (text.find(end) == std::string::npos) {
        pollfd ready{handle, POLLIN, 0};
        std::array<char, 512> chunk{};
        const auto size = poll(&ready, 1, kPatienceMs) == 1 ? read(handle, chunk.data(), chunk.size()) : 0;
        if (size <= 0)
            throw std::runtime_error(fmt::format("{} did not come; there was: {}", what, text));
        text.append(chunk.data(), static_cast<std::size_t>(size));
    }
    return text;
}

// A listening socket on a port of the system's choice, to be inherited by a child.
std::pair<int, std::uint16_t> listen_on_loopback() {
    const int handle = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (handle < 0 || bind(handle, generic, size) != 0 || listen(handle, 1) != 0 ||
        getsockname(handle, generic, &size) != 0)
        throw std::runtime_error("cannot listen on loopback");
    return {handle, ntohs(address.sin_port)};
}

std::vector<std::string> qemu_command(const std::filesystem::path& kernel) {
    return {"qemu-system-x86_64", "-accel",   "kvm",  "-cpu",    "qemu64", "-m",      "64",
            "-nodefaults",        "-display", "none", "-serial", "stdio",  "-kernel", kernel};
}

}  // namespace

Server::Server(const std::vector<std::string>& command) : started_(Clock::now()) {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0)
        throw std::runtime_error("cannot make a pipe");
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const auto& word : command)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
        dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        execvp(arguments[0], arguments.data());
        _exit(127);
    }
    close(out[1]);
    close(err[1]);
    stdout_ = out[0];
    stderr_ = err[0];
    if (pid_ < 0)
        throw std::runtime_error("cannot fork");
}

Server::Server(Server&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      stdout_(std::exchange(other.stdout_, -1)),
      stderr_(std::exchange(other.stderr_, -1)),
      port_(other.port_),
      started_(other.started_) {}

Server::~Server() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    for (const int handle : {stdout_, stderr_})
        if (handle >= 0)
            close(handle);
}

Server Server::ringside(const std::filesystem::path& program, const std::filesystem::path& kernel) {
    Server server({program, "run", "-m", "64M", "--wait", "--gdb=tcp:127.0.0.1:0", kernel});
    constexpr std::string_view kAnnouncement = "gdb: listening on tcp:127.0.0.1:";
    std::string said;
    std::size_t at = std::string::npos;
    while (at == std::string::npos) {
        said += read_until(server.stderr_, "\n", "Ringside's port");
        at = said.find(kAnnouncement);
    }
    server.port_ = static_cast<std::uint16_t>(std::stoul(said.substr(at + kAnnouncement.size())));
    return server;
}

Server Server::qemu(const std::filesystem::path& kernel) {
    const auto [listening, port] = listen_on_loopback();
    auto command = qemu_command(kernel);
    for (const auto& word : {std::string("-S"), std::string("-chardev"),
                             fmt::format("socket,id=gdb,fd={},server=on,wait=off,nodelay=on", listening),
                             std::string("-gdb"), std::string("chardev:gdb")})
        command.push_back(word);
    Server server(command);
    close(listening);
    server.port_ = port;
    return server;
}

Server Server::ringside_alone(const std::filesystem::path& program, const std::filesystem::path& kernel) {
    return Server({program, "run", "-m", "64M", kernel});
}

Server Server::qemu_alone(const std::filesystem::path& kernel) {
    return Server(qemu_command(kernel));
}

std::chrono::duration<double> Server::until_first_serial_byte() {
    pollfd ready{stdout_, POLLIN, 0};
    char byte = 0;
    if (poll(&ready, 1, kPatienceMs) != 1 || read(stdout_, &byte, 1) != 1)
        throw std::runtime_error("no serial byte came");
    return Clock::now() - started_;
}

}  // namespace ringside::bench
