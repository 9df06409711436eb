// One connection between a port of the guest and a unix socket of the host, with flow control in both
// directions (virtio 1.2, 5.10.6.3).
//
// To the guest: one piece of data is read from the socket and waits until the guest takes it; the rest stays
// in the socket's buffer. To the host: the guest's data waits in a buffer of the size that was announced to
// the guest. A connection on which the guest sends more is closed.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <asio/local/stream_protocol.hpp>

#include "vmm/devices/virtio/vsock_packet.h"

namespace ringside::devices::virtio {

struct VsockPorts {
    std::uint32_t host = 0;
    std::uint32_t guest = 0;
    friend auto operator<=>(const VsockPorts&, const VsockPorts&) = default;
};

// Kept alive by its pending operations; after close() none of them does anything.
class VsockConnection : public std::enable_shared_from_this<VsockConnection> {
  public:
    static constexpr std::uint32_t kBufferSize = 256 * 1024;
    static constexpr std::size_t kPiece = 16 * 1024;

    using Socket = asio::local::stream_protocol::socket;
    struct Hooks {
        std::function<void()> on_data;                           // data() is no longer empty
        std::function<void(VsockOp, std::uint32_t flags)> tell;  // sends a packet without data
        std::function<void()> on_closed;                         // the connection is over
    };
    VsockConnection(Socket socket, VsockPorts ports, Hooks hooks);

    VsockPorts ports() const { return ports_; }
    bool established() const { return established_; }

    // The connection is established and data may flow. `greeting` is sent to the host first.
    void establish(std::string_view greeting);
    // Closes the connection without a packet to the guest.
    void close();

    // ---- From the guest

    void note_credit(const VsockHeader& header);
    // Takes data for the host. Returns false if the guest has exceeded its credit.
    bool take(std::span<const std::byte> data);
    // The guest will no longer receive or send (kVsockNoReceive, kVsockNoSend).
    void shut_down(std::uint32_t flags);

    // ---- To the guest

    // The waiting data for which the guest has credit.
    std::span<const std::byte> data() const;
    // The guest has taken this many bytes.
    void consume(std::size_t size);
    // The host's credit fields, for each header.
    std::uint32_t forwarded() const { return forwarded_; }

  private:
    void read();
    void write();
    void on_written(std::size_t size);
    void finish_if_done();

    Socket socket_;
    VsockPorts ports_;
    Hooks hooks_;
    bool established_ = false;
    bool closed_ = false;

    // To the guest.
    std::array<std::byte, kPiece> piece_{};
    std::size_t piece_begin_ = 0;
    std::size_t piece_end_ = 0;
    std::uint32_t sent_ = 0;  // bytes, modulo 2^32
    std::uint32_t guest_buffer_ = 0;
    std::uint32_t guest_forwarded_ = 0;

    // To the host.
    std::vector<std::byte> gathered_;  // waits for the write that is under way
    std::vector<std::byte> writing_;
    bool write_pending_ = false;
    std::uint32_t forwarded_ = 0;
    std::uint32_t told_forwarded_ = 0;
    std::uint32_t greeting_left_ = 0;  // bytes of the greeting that are still in the buffers
    std::uint32_t guest_shutdown_ = 0;
};

}  // namespace ringside::devices::virtio
