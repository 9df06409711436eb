#include "vmm/devices/console_endpoint.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace ringside::devices {

namespace {

constexpr const char* kAdvice = "Use stdio, stderr, file:PATH, unix:PATH, pty or none";

Result<Fd> duplicate(int fd) {
    Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy)
        return errno_failure("open the serial console", errno);
    return copy;
}

Result<ConsoleDescriptors> both_ends(Fd fd, std::string announcement = {}) {
    auto copy = TRY(duplicate(fd.get()));
    return ConsoleDescriptors{std::move(copy), std::move(fd), std::move(announcement)};
}

Result<ConsoleDescriptors> connect_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return failure("--serial unix:" + path, "the path is too long for a unix socket");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return errno_failure("connect to --serial unix:" + path, errno, "A program must listen there first");
    return both_ends(std::move(fd));
}

Result<ConsoleDescriptors> open_pty() {
    Fd fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    char name[64];
    if (!fd || ::grantpt(fd.get()) != 0 || ::unlockpt(fd.get()) != 0 ||
        ::ptsname_r(fd.get(), name, sizeof name) != 0)
        return errno_failure("open a pseudo-terminal for --serial pty", errno);
    termios mode{};
    if (::tcgetattr(fd.get(), &mode) == 0) {
        ::cfmakeraw(&mode);
        ::tcsetattr(fd.get(), TCSANOW, &mode);
    }
    return both_ends(std::move(fd), name);
}

}  // namespace

Result<ConsoleEndpoint> parse_console_endpoint(std::string_view text) {
    using Kind = ConsoleEndpoint::Kind;
    if (text == "none")
        return ConsoleEndpoint{Kind::None, {}};
    if (text == "stdio")
        return ConsoleEndpoint{Kind::Stdio, {}};
    if (text == "stderr")
        return ConsoleEndpoint{Kind::Stderr, {}};
    if (text == "pty")
        return ConsoleEndpoint{Kind::Pty, {}};
    if (text.starts_with("file:") && text.size() > 5)
        return ConsoleEndpoint{Kind::File, std::string(text.substr(5))};
    if (text.starts_with("unix:") && text.size() > 5)
        return ConsoleEndpoint{Kind::Unix, std::string(text.substr(5))};
    return failure("--serial " + std::string(text), "there is no such kind of serial console", kAdvice);
}

Result<ConsoleDescriptors> open_console(const ConsoleEndpoint& endpoint) {
    using Kind = ConsoleEndpoint::Kind;
    ConsoleDescriptors descriptors;
    switch (endpoint.kind) {
        case Kind::None:
            return descriptors;
        case Kind::Stdio:
        case Kind::Stderr: {
            auto output = TRY(duplicate(endpoint.kind == Kind::Stdio ? STDOUT_FILENO : STDERR_FILENO));
            descriptors.output = std::move(output);
            // A closed stdin is no error: the guest just gets no input.
            if (endpoint.kind == Kind::Stdio) {
                if (auto input = duplicate(STDIN_FILENO))
                    descriptors.input = std::move(*input);
            }
            return descriptors;
        }
        case Kind::File:
            descriptors.output =
                Fd(::open(endpoint.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
            if (!descriptors.output)
                return errno_failure("open --serial file:" + endpoint.path, errno);
            return descriptors;
        case Kind::Unix:
            return connect_unix(endpoint.path);
        case Kind::Pty:
            return open_pty();
    }
    return descriptors;
}

}  // namespace ringside::devices
