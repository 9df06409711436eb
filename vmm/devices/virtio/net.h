// The network device (virtio 1.2, 5.1): one pair of queues, no control queue.
//
// There is backpressure in both directions: a frame for a guest that offers no buffer is kept, and no further
// frame is read; a frame for a busy backend stays in the guest's queue.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vmm/devices/virtio/chain.h"
#include "vmm/devices/virtio/constants.h"
#include "vmm/devices/virtio/device.h"
#include "vmm/devices/virtio/net_backend.h"
#include "vmm/devices/virtio/transport.h"

namespace ringside::devices::virtio {

class Net final : public Device {
  public:
    // `report` is called with one line, on the device's thread, when the backend is lost.
    Net(std::unique_ptr<NetBackend> backend, const MacAddress& mac,
        std::function<void(const std::string&)> report);

    Identity identity() const override;
    std::span<const std::byte> config() const override { return std::as_bytes(std::span(&config_, 1)); }
    void start(Transport& transport, asio::io_context& io) override;
    void on_kick(unsigned queue) override;
    void on_reset() override;

  private:
    // The part of struct virtio_net_config (5.1.4) that the features make visible.
    struct Config {
        MacAddress mac{};
        std::uint16_t status = 1;  // VIRTIO_NET_S_LINK_UP
    };
    static_assert(sizeof(Config) == 8);

    void on_frame(std::span<const std::byte> frame);
    void on_lost(const std::string& why);
    bool deliver(std::span<const std::byte> frame);
    void transmit();
    bool take_frame();
    void settle_features(const Transport::Access& access);

    std::unique_ptr<NetBackend> backend_;
    std::function<void(const std::string&)> report_;
    Config config_;
    Transport* transport_ = nullptr;
    Chain receive_chain_;
    Chain transmit_chain_;
    std::optional<std::uint64_t> accepted_;  // the driver's features, once the backend has been told
    std::vector<std::byte> waiting_;         // a frame for which the guest has offered no buffer yet
    std::vector<std::byte> frame_;           // the frame to be sent
};

}  // namespace ringside::devices::virtio
