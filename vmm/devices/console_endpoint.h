// The host's end of the guest's serial line: parses and opens the argument of --serial.
#pragma once

#include <string>
#include <string_view>

#include "vmm/base/error.h"
#include "vmm/base/fd.h"

namespace ringside::devices {

struct ConsoleEndpoint {
    enum class Kind : std::uint8_t { None, Stdio, Stderr, File, Unix, Pty } kind = Kind::None;
    std::string path;  // File and Unix
};

// "stdio", "stderr" (output only), "file:PATH", "unix:PATH", "pty", "none".
Result<ConsoleEndpoint> parse_console_endpoint(std::string_view text);

// The descriptors of one endpoint. They are equal if one serves both directions, and -1 if there is none. A
// unix endpoint connects to a socket that listens at the path.
struct ConsoleDescriptors {
    Fd input;
    Fd output;
    std::string announcement;  // the path of a pty; otherwise empty
};
Result<ConsoleDescriptors> open_console(const ConsoleEndpoint& endpoint);

}  // namespace ringside::devices
