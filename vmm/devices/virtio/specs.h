// The description of a virtio device on the command line, as values. Errors name the accepted form.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "vmm/base/error.h"

namespace ringside::devices::virtio {

struct DiskSpec {
    std::string path;
    bool read_only = false;
    bool overlay = false;  // writes stay in the monitor's memory, and end with it
};

using MacAddress = std::array<std::uint8_t, 6>;

struct NetSpec {
    struct Tap {
        std::string interface;
    };
    struct Passt {
        std::string socket;  // empty: start passt
    };
    std::variant<Tap, Passt> backend;
    std::optional<MacAddress> mac;  // default: derived from the device's number
};

struct VsockSpec {
    std::uint32_t cid = 0;  // the guest's
    std::string path;       // the host's unix socket
};

// "FILE[,ro|,overlay]"
Result<DiskSpec> parse_disk(std::string_view text);
// "tap:NAME[,mac=XX:XX:XX:XX:XX:XX]" or "passt[:SOCKET][,mac=...]"
Result<NetSpec> parse_net(std::string_view text);
// "CID,PATH"
Result<VsockSpec> parse_vsock(std::string_view text);

}  // namespace ringside::devices::virtio
