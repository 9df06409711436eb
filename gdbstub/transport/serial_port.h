// A serial line for the protocol: a terminal device, raw, 115200 baud, 8 bits, no flow control; or a port of a virtio console
// device (/dev/virtio-ports/NAME), which is as fast as a socket.
#pragma once

#include "gdbstub/target.h"
#include "gdbstub/transport/endpoint.h"
#include "gdbstub/transport/unique_fd.h"

namespace ringside::gdbstub {

Result<UniqueFd> open_serial_port(const SerialEndpoint& endpoint);

}  // namespace ringside::gdbstub
