// Where a debugger can reach the target, as the user writes it.
//
//     tcp:HOST:PORT   tcp:PORT   HOST:PORT   :PORT   PORT      loopback unless an address is given
//     unix:PATH       serial:DEVICE       stdio
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "gdbstub/target.h"

namespace ringside::gdbstub {

struct TcpEndpoint {
    std::string host = "127.0.0.1";
    std::uint16_t port = 1234;  // 0: any free port
};
struct UnixEndpoint {
    std::string path;
};
struct SerialEndpoint {
    std::string device;
};
struct StdioEndpoint {};

using Endpoint = std::variant<TcpEndpoint, UnixEndpoint, SerialEndpoint, StdioEndpoint>;

Result<Endpoint> parse_endpoint(std::string_view text);

// The same in the form that parse_endpoint() takes: "tcp:127.0.0.1:1234".
std::string to_string(const Endpoint& endpoint);

}  // namespace ringside::gdbstub
