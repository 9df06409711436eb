// The console device (virtio 1.2, 5.3) with one port: hvc0 in Linux.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <asio/signal_set.hpp>

#include "vmm/devices/character_receiver.h"
#include "vmm/devices/console.h"
#include "vmm/devices/virtio/chain.h"
#include "vmm/devices/virtio/constants.h"
#include "vmm/devices/virtio/device.h"
#include "vmm/devices/virtio/transport.h"

namespace ringside::devices::virtio {

class VirtioConsole final : public Device, public CharacterReceiver {
  public:
    // `on_escape` is called on the device's thread when the user presses the escape key at a terminal.
    VirtioConsole(std::unique_ptr<Console> console, std::function<void()> on_escape);

    Identity identity() const override;
    std::span<const std::byte> config() const override { return std::as_bytes(std::span(&config_, 1)); }
    void start(Transport& transport, asio::io_context& io) override;
    void on_kick(unsigned queue) override;

    // Input, on the device's thread.
    std::size_t receive(std::span<const std::byte> data) override;
    void on_space_available(std::function<void()> callback) override {
        space_available_ = std::move(callback);
    }

  private:
    // struct virtio_console_config (5.3.4).
    struct Config {
        std::uint16_t columns = 0;
        std::uint16_t rows = 0;
        std::uint32_t ports = 1;
        std::uint32_t emergency_write = 0;
    };

    void transmit();
    void watch_size();

    std::unique_ptr<Console> console_;
    std::function<void()> on_escape_;
    std::function<void()> space_available_;
    Config config_;
    Transport* transport_ = nullptr;
    std::optional<asio::signal_set> resized_;
    Chain chain_;
    bool input_refused_ = false;
    std::vector<std::byte> buffer_;
};

}  // namespace ringside::devices::virtio
