// A serial line for the protocol: raw, 115200 baud, 8 bits, no flow control.
#pragma once

#include "gdbstub/target.h"
#include "gdbstub/transport/endpoint.h"
#include "gdbstub/transport/unique_fd.h"

namespace ringside::gdbstub {

Result<UniqueFd> open_serial_port(const SerialEndpoint& endpoint);

}  // namespace ringside::gdbstub
