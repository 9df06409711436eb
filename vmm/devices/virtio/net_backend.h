// Where a network device's frames go to and come from on the host. All calls are made on the device's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include <asio/io_context.hpp>

#include "vmm/devices/virtio/specs.h"
#include "vmm/types.h"

namespace ringside::devices::virtio {

// Every frame has a struct virtio_net_hdr in front of it (virtio 1.2, 5.1.6), which says what of its checksum
// and segmentation is left to do. A backend that knows nothing of that ignores it and gives zeros.
inline constexpr std::size_t kNetHeader = 12;
// The largest frame: a 64 KiB IP packet that is to be segmented, with room for its link header.
inline constexpr std::size_t kLargestFrame = kNetHeader + 65550;

class NetBackend {
  public:
    virtual ~NetBackend() = default;

    struct Hooks {
        std::function<void(std::span<const std::byte>)> on_frame;  // valid during the call
        std::function<void()> on_ready;                            // send() is possible again
        std::function<void(std::string)> on_lost;                  // no frame comes or goes any more, and why
    };

    // VIRTIO_NET_F_* that it can do, and those of them that the driver has accepted.
    virtual std::uint64_t features() const = 0;
    virtual void accept(std::uint64_t features) = 0;

    virtual void start(asio::io_context& io, Hooks hooks) = 0;
    // Asks for the next frame: on_frame is called once.
    virtual void receive() = 0;
    // Whether send() can take a frame now.
    virtual bool ready() const = 0;
    virtual void send(std::span<const std::byte> frame) = 0;
};

// The tap interface of that name, which must exist or be for us to make.
Result<std::unique_ptr<NetBackend>> open_tap(const std::string& interface);
// The passt that listens at a unix socket; with an empty path, one that is started for this machine.
Result<std::unique_ptr<NetBackend>> open_passt(const std::string& socket);

}  // namespace ringside::devices::virtio
