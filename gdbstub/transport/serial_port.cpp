#include "gdbstub/transport/serial_port.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include <fmt/format.h>

namespace ringside::gdbstub {
namespace {

bool make_raw(int fd) {
    termios settings{};
    if (::tcgetattr(fd, &settings) != 0)
        return false;
    ::cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;  // no modem lines
    settings.c_cflag &= ~static_cast<tcflag_t>(CRTSCTS);
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    ::cfsetispeed(&settings, B115200);
    ::cfsetospeed(&settings, B115200);
    return ::tcsetattr(fd, TCSANOW, &settings) == 0;
}

// A port of a virtio console device changes no byte and has no settings. In sysfs its subsystem is virtio-ports.
bool is_virtio_port(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0 || !S_ISCHR(status.st_mode))
        return false;
    const auto subsystem =
        fmt::format("/sys/dev/char/{}:{}/subsystem", major(status.st_rdev), minor(status.st_rdev));
    std::error_code ignored;
    return std::filesystem::read_symlink(subsystem, ignored).filename() == "virtio-ports";
}

const char* advice(int error) {
    switch (error) {
        case ENOTTY:
            return "it is neither a terminal device nor a virtio port: give one such as /dev/ttyS0";
        case EACCES:
            return "you may not use it: join the group 'dialout', or be root";
        case EBUSY:
            return "another program has it open: end that one, or give another device";
        default:
            return "give a terminal device such as /dev/ttyS0";
    }
}

tl::unexpected<TargetError> cannot_use(const SerialEndpoint& endpoint, int error) {
    return failure(TargetError::Code::Io,
                   fmt::format("cannot use {} for the debugger: {}; {}", endpoint.device,
                               std::generic_category().message(error), advice(error)));
}

}  // namespace

Result<UniqueFd> open_serial_port(const SerialEndpoint& endpoint) {
    // Without O_NONBLOCK the open would wait for a carrier.
    UniqueFd fd(::open(endpoint.device.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    if (!fd.valid())
        return cannot_use(endpoint, errno);
    if (make_raw(fd.get()))
        return fd;
    const int error = errno;
    if (is_virtio_port(fd.get()))
        return fd;
    return cannot_use(endpoint, error);
}

}  // namespace ringside::gdbstub
