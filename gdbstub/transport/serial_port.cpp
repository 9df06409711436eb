#include "gdbstub/transport/serial_port.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
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

}  // namespace

Result<UniqueFd> open_serial_port(const SerialEndpoint& endpoint) {
    // Without O_NONBLOCK the open would wait for a carrier.
    UniqueFd fd(::open(endpoint.device.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    if (!fd.valid() || !make_raw(fd.get())) {
        const int code = errno;
        const char* advice = code == ENOTTY   ? "it is no terminal device: give one such as /dev/ttyS0"
                             : code == EACCES ? "you may not use it: join the group 'dialout', or be root"
                                              : "give a terminal device such as /dev/ttyS0";
        return failure(TargetError::Code::Io,
                       fmt::format("cannot use {} for the debugger: {}; {}", endpoint.device,
                                   std::generic_category().message(code), advice));
    }
    return fd;
}

}  // namespace ringside::gdbstub
