// One connection between a port of the guest's and a unix socket of the host's, with the credit of both
// directions (virtio 1.2, 5.10.6.3).
//
// To the guest: one piece of data is read from the socket and waits until the guest takes it, so the socket's
// own buffer holds the rest. To the host: what the guest sends waits in a buffer of the size that the guest
// was told of; one that sends more is cut off.
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
        std::function<void(VsockOp, std::uint32_t flags)> tell;  // a packet without data is to be sent
        std::function<void()> on_closed;                         // to be forgotten
    };
    VsockConnection(Socket socket, VsockPorts ports, Hooks hooks);

    VsockPorts ports() const { return ports_; }
    bool established() const { return established_; }

    // Both ends agree: data may flow. `greeting` goes to the host first.
    void establish(std::string_view greeting);
    // Ends it without another word to the guest.
    void close();

    // ---- What the guest says

    void note_credit(const VsockHeader& header);
    // Data for the host; false when the guest has exceeded its credit.
    bool take(std::span<const std::byte> data);
    // The guest will not receive or not send any more (kVsockNoReceive, kVsockNoSend).
    void shut_down(std::uint32_t flags);

    // ---- What is for the guest

    // Data that waits and that the guest has credit for.
    std::span<const std::byte> data() const;
    // So much of it has been given to the guest.
    void consume(std::size_t size);
    // Our side's credit, for each header.
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
    std::uint32_t greeting_left_ = 0;  // bytes in the buffers that are no data of the guest's
    std::uint32_t guest_shutdown_ = 0;
};

}  // namespace ringside::devices::virtio
