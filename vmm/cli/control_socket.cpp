#include "vmm/cli/control_socket.h"

#include <asio/buffer.hpp>
#include <asio/read_until.hpp>
#include <asio/streambuf.hpp>
#include <asio/write.hpp>

namespace ringside::cli {

namespace {

constexpr std::size_t kLongestLine = 64 * 1024;

}  // namespace

// One connection. It lives until its answer is sent.
class ControlSocket::Client : public std::enable_shared_from_this<Client> {
  public:
    Client(asio::io_context& io, gdbstub::UniqueFd fd) : stream_(io, fd.release()), line_(kLongestLine) {}

    void serve(const Answerer& answer) {
        asio::async_read_until(
            stream_, line_, '\n', [self = shared_from_this(), answer](auto error, std::size_t) {
                if (error)
                    return self->reply({"A line may have at most 64 KiB.\n", true});
                std::string line = self->take_line();
                self->wants_status_ = line.starts_with(kWithStatus);
                if (self->wants_status_)
                    line.erase(0, kWithStatus.size());
                answer(line, [self](gdbstub::MonitorAnswer given) { self->reply(std::move(given)); });
            });
    }

  private:
    std::string take_line() {
        const auto* text = static_cast<const char*>(line_.data().data());
        const std::string_view all(text, line_.size());
        return std::string(all.substr(0, all.find_first_of("\r\n")));
    }

    // Every answer ends with a line end, so that a client notices one that is cut off.
    void reply(gdbstub::MonitorAnswer answer) {
        if (wants_status_)
            text_ = answer.refused ? kRefused : kOk;
        text_ += answer.text;
        if (!text_.ends_with('\n'))
            text_ += '\n';
        asio::async_write(stream_, asio::buffer(text_), [self = shared_from_this()](auto, std::size_t) {});
    }

    asio::posix::stream_descriptor stream_;
    asio::streambuf line_;
    bool wants_status_ = false;
    std::string text_;
};

ControlSocket::ControlSocket(asio::io_context& io, gdbstub::Listener listener, Answerer answer)
    : listener_(std::move(listener)), answer_(std::move(answer)), io_(io), ready_(io, listener_.fd()) {
    wait_for_client();
}

ControlSocket::~ControlSocket() {
    ready_.release();
}

gdbstub::Result<std::unique_ptr<ControlSocket>> ControlSocket::open(asio::io_context& io,
                                                                    const std::string& path,
                                                                    Answerer answer) {
    auto listener = STUB_TRY(gdbstub::Listener::open(gdbstub::UnixEndpoint{path}));
    return std::unique_ptr<ControlSocket>(new ControlSocket(io, std::move(listener), std::move(answer)));
}

void ControlSocket::wait_for_client() {
    ready_.async_wait(asio::posix::stream_descriptor::wait_read, [this](std::error_code error) {
        if (error)
            return;
        std::string peer;
        if (auto fd = listener_.accept(peer); fd.valid())
            std::make_shared<Client>(io_, std::move(fd))->serve(answer_);
        wait_for_client();
    });
}

}  // namespace ringside::cli
