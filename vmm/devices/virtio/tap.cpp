// A tap interface (Linux, Documentation/networking/tuntap.rst): each read and write is one frame, preceded by
// its struct virtio_net_hdr, so that checksums and segmentation can be offloaded.

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <asio/posix/stream_descriptor.hpp>

#include "vmm/base/fd.h"
#include "vmm/devices/virtio/net_backend.h"

namespace ringside::devices::virtio {

namespace {

// Feature bits (virtio 1.2, 5.1.3). The guest may leave all work to the host's network stack when it sends.
// What it receives is complete except for checksums, because larger frames would need larger buffers.
constexpr std::uint64_t kFeatureChecksum = std::uint64_t{1} << 0;
constexpr std::uint64_t kFeatureGuestChecksum = std::uint64_t{1} << 1;
constexpr std::uint64_t kFeatureHostTso4 = std::uint64_t{1} << 11;
constexpr std::uint64_t kFeatureHostTso6 = std::uint64_t{1} << 12;

class Tap final : public NetBackend {
  public:
    explicit Tap(Fd fd) : fd_(std::move(fd)) {}

    std::uint64_t features() const override {
        return kFeatureChecksum | kFeatureGuestChecksum | kFeatureHostTso4 | kFeatureHostTso6;
    }
    void accept(std::uint64_t features) override {
        const unsigned long offload = (features & kFeatureGuestChecksum) != 0 ? TUN_F_CSUM : 0;
        ::ioctl(descriptor_->native_handle(), TUNSETOFFLOAD,
                offload);  // without it, frames are complete: fine as well
    }

    void start(asio::io_context& io, Hooks hooks) override {
        hooks_ = std::move(hooks);
        descriptor_.emplace(io, fd_.release());
    }

    void receive() override {
        descriptor_->async_wait(asio::posix::descriptor_base::wait_read, [this](std::error_code error) {
            if (!error)
                read();
        });
    }

    bool ready() const override { return true; }
    // A full interface drops frames, as a full network does.
    void send(std::span<const std::byte> frame) override {
        [[maybe_unused]] const ssize_t sent =
            ::write(descriptor_->native_handle(), frame.data(), frame.size());
    }

  private:
    void read() {
        const ssize_t size = ::read(descriptor_->native_handle(), frame_.data(), frame_.size());
        if (size > static_cast<ssize_t>(kNetHeader))
            return hooks_.on_frame(std::span(frame_).first(static_cast<std::size_t>(size)));
        if (size < 0 && errno != EAGAIN && errno != EINTR && errno != EIO)  // EIO: the interface is down
            return hooks_.on_lost(std::string("the tap interface: ") + std::strerror(errno));
        receive();
    }

    Fd fd_;  // until start()
    std::optional<asio::posix::stream_descriptor> descriptor_;
    Hooks hooks_;
    std::array<std::byte, kLargestFrame> frame_{};
};

}  // namespace

Result<std::unique_ptr<NetBackend>> open_tap(const std::string& interface) {
    const std::string operation = "--net tap:" + interface;
    ifreq request{};
    if (interface.size() >= sizeof request.ifr_name)
        return failure(operation, "the name is too long for an interface");
    std::memcpy(request.ifr_name, interface.c_str(), interface.size() + 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    Fd fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!fd)
        return errno_failure(operation + ": /dev/net/tun", errno);
    if (::ioctl(fd.get(), TUNSETIFF, &request) != 0)
        return errno_failure(operation, errno,
                             errno == EBUSY
                                 ? "Another program uses it"
                                 : "Make it first: ip tuntap add " + interface + " mode tap user $USER");
    int header = kNetHeader;
    if (::ioctl(fd.get(), TUNSETVNETHDRSZ, &header) != 0)
        return errno_failure(operation, errno);
    return std::make_unique<Tap>(std::move(fd));
}

}  // namespace ringside::devices::virtio
