// The header of a socket device's packets (virtio 1.2, 5.10.6), as it lies in the queues.
#pragma once

#include <cstdint>

namespace ringside::devices::virtio {

inline constexpr std::uint64_t kVsockHostCid = 2;
inline constexpr std::uint16_t kVsockStream = 1;

enum class VsockOp : std::uint16_t {
    Request = 1,
    Response = 2,
    Reset = 3,
    Shutdown = 4,
    Data = 5,  // VIRTIO_VSOCK_OP_RW
    CreditUpdate = 6,
    CreditRequest = 7,
};

// Flags of Shutdown: what the sender will no longer do.
inline constexpr std::uint32_t kVsockNoReceive = 1;
inline constexpr std::uint32_t kVsockNoSend = 2;

struct [[gnu::packed]] VsockHeader {
    std::uint64_t source_cid = 0;
    std::uint64_t destination_cid = 0;
    std::uint32_t source_port = 0;
    std::uint32_t destination_port = 0;
    std::uint32_t length = 0;  // of the data behind
    std::uint16_t type = 0;
    VsockOp op{};
    std::uint32_t flags = 0;
    std::uint32_t buffer_size = 0;  // buf_alloc: of the sender's receive buffer for this connection
    std::uint32_t forwarded = 0;    // fwd_cnt: bytes that have left it, modulo 2^32
};
static_assert(sizeof(VsockHeader) == 44);

}  // namespace ringside::devices::virtio
