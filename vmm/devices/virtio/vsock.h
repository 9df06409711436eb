// The socket device (virtio 1.2, 5.10): connections between the guest and programs on the host, without a
// network.
//
// The host's side consists of unix sockets, as Firecracker documents them (its docs/vsock.md): - A program on
// the host connects to PATH and writes "CONNECT port\n". Once the guest has accepted, the program
//   reads "OK port\n"; all further bytes belong to the connection.
// - A guest that connects to port P of the host (CID 2) reaches the program that listens at PATH_P.
//
// A guest's packets are hostile. Whatever it sends, the memory use is bounded: the number of connections is
// limited, each has a buffer of fixed size, and no further packets are read while replies wait to be taken.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <asio/local/stream_protocol.hpp>
#include <asio/streambuf.hpp>

#include "vmm/base/fd.h"
#include "vmm/devices/virtio/chain.h"
#include "vmm/devices/virtio/constants.h"
#include "vmm/devices/virtio/device.h"
#include "vmm/devices/virtio/specs.h"
#include "vmm/devices/virtio/transport.h"
#include "vmm/devices/virtio/vsock_connection.h"

namespace ringside::devices::virtio {

class Vsock final : public Device {
  public:
    static constexpr std::size_t kMostConnections = 256;

    // Listens at spec.path. The destructor removes the socket file.
    static Result<std::unique_ptr<Vsock>> open(const VsockSpec& spec);
    ~Vsock() override;

    Identity identity() const override { return {kVsockId, "virtio vsock", 0, 3}; }
    std::span<const std::byte> config() const override { return std::as_bytes(std::span(&cid_, 1)); }
    void start(Transport& transport, asio::io_context& io) override;
    void on_kick(unsigned queue) override;
    void on_reset() override;
    void on_restore() override;

  private:
    using Protocol = asio::local::stream_protocol;
    struct Handshake;

    Vsock(const VsockSpec& spec, Fd listener)
        : cid_(spec.cid), path_(spec.path), listener_fd_(std::move(listener)) {}

    // The host's programs.
    void accept();
    void read_request(const std::shared_ptr<Handshake>& handshake);
    void connect_to_guest(Protocol::socket socket, std::uint32_t guest_port);

    // The guest's packets.
    void process_transmitted();
    bool take_packet();
    void handle(const VsockHeader& header);
    void handle_for(VsockConnection& connection, const VsockHeader& header);
    void connect_to_host(const VsockHeader& header);

    // What is for the guest.
    void deliver();
    bool deliver_one();
    void deliver_event();
    void answer(const VsockHeader& to, VsockOp op);
    void tell(VsockPorts ports, VsockOp op, std::uint32_t flags);
    VsockHeader header(VsockPorts ports, VsockOp op) const;

    std::shared_ptr<VsockConnection> add(Protocol::socket socket, VsockPorts ports);
    void forget(VsockPorts ports);
    void drop_all();

    std::uint64_t cid_;
    std::string path_;
    Fd listener_fd_;
    Transport* transport_ = nullptr;
    asio::io_context* io_ = nullptr;
    std::optional<Protocol::acceptor> acceptor_;
    std::map<VsockPorts, std::shared_ptr<VsockConnection>> connections_;
    std::size_t handshakes_ = 0;
    bool accepting_ = false;
    std::uint32_t next_host_port_ = 0;
    std::deque<VsockHeader> answers_;  // packets without data, which go first
    VsockPorts last_served_;           // connections take turns
    bool transport_reset_ = false;     // the guest must still learn that its connections are gone
    Chain receive_chain_;
    Chain transmit_chain_;
    Chain event_chain_;
    VsockHeader packet_;
    std::vector<std::byte> payload_;
};

}  // namespace ringside::devices::virtio
