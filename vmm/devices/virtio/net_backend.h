// The host's side of a network device: where its frames go to and come from. All calls are made on the
// device's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include <asio/io_context.hpp>

#include "vmm/base/error.h"
#include "vmm/devices/virtio/specs.h"

namespace ringside::devices::virtio {

// A struct virtio_net_hdr (virtio 1.2, 5.1.6) precedes every frame. It describes the checksum and
// segmentation work that is left to do. A backend without offloads ignores it and fills it with zeros.
inline constexpr std::size_t kNetHeader = 12;
// The size of the largest frame: a 64 KiB IP packet that is to be segmented, and its link header.
inline constexpr std::size_t kLargestFrame = kNetHeader + 65550;

class NetBackend {
  public:
    virtual ~NetBackend() = default;

    struct Hooks {
        std::function<void(std::span<const std::byte>)> on_frame;  // valid during the call
        std::function<void()> on_ready;                            // send() is possible again
        std::function<void(std::string)> on_lost;                  // the backend is gone; says why
    };

    // The VIRTIO_NET_F_* that the backend supports, and those of them that the driver has accepted.
    virtual std::uint64_t features() const = 0;
    virtual void accept(std::uint64_t features) = 0;

    virtual void start(asio::io_context& io, Hooks hooks) = 0;
    // Asks for the next frame: on_frame is called once.
    virtual void receive() = 0;
    // Returns true if send() can take a frame now.
    virtual bool ready() const = 0;
    virtual void send(std::span<const std::byte> frame) = 0;
};

// The tap interface with this name, which exists or which this process may create.
Result<std::unique_ptr<NetBackend>> open_tap(const std::string& interface);
// The passt that listens on a unix socket. With an empty path, starts one for this machine.
Result<std::unique_ptr<NetBackend>> open_passt(const std::string& socket);

}  // namespace ringside::devices::virtio
