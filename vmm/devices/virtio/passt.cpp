// passt, user-mode networking without privileges (https://passt.top): a stream socket on which a 4-byte
// big-endian length precedes each frame.

#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <asio/buffer.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

#include "vmm/base/fd.h"
#include "vmm/devices/virtio/net_backend.h"
#include "vmm/devices/virtio/unix_address.h"

namespace ringside::devices::virtio {

namespace {

using Length = std::array<std::uint8_t, 4>;
constexpr std::size_t kLargestPayload = kLargestFrame - kNetHeader;

class Passt final : public NetBackend {
  public:
    explicit Passt(Fd fd) : fd_(std::move(fd)) {}

    std::uint64_t features() const override { return 0; }
    void accept(std::uint64_t) override {}

    void start(asio::io_context& io, Hooks hooks) override {
        hooks_ = std::move(hooks);
        socket_.emplace(io, asio::local::stream_protocol(), fd_.release());
    }

    void receive() override {
        asio::async_read(*socket_, asio::buffer(length_), [this](std::error_code error, std::size_t) {
            if (error)
                return lost(error.message());
            read_frame(std::uint32_t{length_[0]} << 24 | std::uint32_t{length_[1]} << 16 |
                       std::uint32_t{length_[2]} << 8 | length_[3]);
        });
    }

    bool ready() const override { return !sending_ && !lost_; }
    void send(std::span<const std::byte> frame) override {
        const auto payload = frame.subspan(kNetHeader);
        const auto size = static_cast<std::uint32_t>(payload.size());
        out_.resize(sizeof(Length) + payload.size());
        for (unsigned i = 0; i < sizeof(Length); ++i)
            out_[i] = static_cast<std::byte>(size >> (24 - 8 * i));
        std::memcpy(out_.data() + sizeof(Length), payload.data(), payload.size());
        sending_ = true;
        asio::async_write(*socket_, asio::buffer(out_), [this](std::error_code error, std::size_t) {
            sending_ = false;
            if (error)
                return lost(error.message());
            hooks_.on_ready();
        });
    }

  private:
    void read_frame(std::uint32_t size) {
        if (size == 0 || size > kLargestPayload)
            return lost("a frame of " + std::to_string(size) + " bytes");
        // A header of zeros, except for the number of buffers that the frame takes (virtio 5.1.6.4).
        in_.fill(std::byte{0});
        in_[kNetHeader - 2] = std::byte{1};
        asio::async_read(*socket_, asio::buffer(in_.data() + kNetHeader, size),
                         [this, size](std::error_code error, std::size_t) {
                             if (error)
                                 return lost(error.message());
                             hooks_.on_frame(std::span(in_).first(kNetHeader + size));
                         });
    }

    void lost(const std::string& why) {
        if (!std::exchange(lost_, true))
            hooks_.on_lost("passt: " + why);
    }

    Fd fd_;  // until start()
    std::optional<asio::local::stream_protocol::socket> socket_;
    Hooks hooks_;
    Length length_{};
    std::array<std::byte, kLargestFrame> in_{};
    std::vector<std::byte> out_;
    bool sending_ = false;
    bool lost_ = false;
};

// Starts passt in the foreground at one end of a socket pair. It exits when the other end is closed.
Result<Fd> start_passt() {
    constexpr const char* kOperation = "--net passt";
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return errno_failure(kOperation, errno);
    Fd ours(ends[0]);
    const Fd its(ends[1]);

    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    constexpr int kItsNumber = 3;
    ::posix_spawn_file_actions_adddup2(&actions, its.get(), kItsNumber);
    std::string program = "passt";
    std::string foreground = "--foreground";
    std::string quiet = "--quiet";
    std::string fd = "--fd=" + std::to_string(kItsNumber);
    char* const arguments[] = {program.data(), foreground.data(), quiet.data(), fd.data(), nullptr};
    pid_t pid = 0;
    const int error = ::posix_spawnp(&pid, program.c_str(), &actions, nullptr, arguments, environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        return errno_failure(fmt::format("{}: start passt", kOperation), error, "apt-get install passt");
    return ours;
}

}  // namespace

Result<std::unique_ptr<NetBackend>> open_passt(const std::string& socket) {
    auto fd = TRY(socket.empty() ? start_passt() : connect_unix("--net passt:" + socket, socket));
    return std::make_unique<Passt>(std::move(fd));
}

}  // namespace ringside::devices::virtio
