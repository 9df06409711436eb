// The entropy device (virtio 1.2, 5.4): the host's random bytes.
#pragma once

#include "vmm/devices/virtio/chain.h"
#include "vmm/devices/virtio/constants.h"
#include "vmm/devices/virtio/device.h"

namespace ringside::devices::virtio {

class Rng final : public Device {
  public:
    // A request gets at most this many bytes, whatever room it has, so that a pass is held only briefly.
    // Drivers request tens of bytes.
    static constexpr std::size_t kMostBytes = 64 * 1024;

    Identity identity() const override { return {kRngId, "virtio rng", 0, 1}; }
    void start(Transport& transport, asio::io_context&) override { transport_ = &transport; }
    void on_kick(unsigned queue) override;

  private:
    Transport* transport_ = nullptr;
    Chain chain_;
};

}  // namespace ringside::devices::virtio
