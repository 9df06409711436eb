// Where the guest's serial line leads to on the host: --serial's argument, opened.
#pragma once

#include <string>
#include <string_view>

#include "vmm/kvm/fd.h"
#include "vmm/types.h"

namespace ringside::devices {

struct ConsoleEndpoint {
    enum class Kind : std::uint8_t { None, Stdio, Stderr, File, Unix, Pty } kind = Kind::None;
    std::string path;  // File and Unix
};

// "stdio", "stderr" (output only), "file:PATH", "unix:PATH", "pty", "none".
Result<ConsoleEndpoint> parse_console_endpoint(std::string_view text);

// Descriptors for one endpoint: equal where one serves both, -1 where there is none. A unix endpoint connects
// to a socket that listens at the path.
struct ConsoleDescriptors {
    kvm::Fd input;
    kvm::Fd output;
    std::string announcement;  // where to find a pty; else empty
};
Result<ConsoleDescriptors> open_console(const ConsoleEndpoint& endpoint);

}  // namespace ringside::devices
