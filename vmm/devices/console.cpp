#include "vmm/devices/console.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

#include <asio/post.hpp>

namespace ringside::devices {

namespace {

constexpr std::byte kEscape{0x01};  // Ctrl-A
constexpr std::byte kQuit{'x'};

// How long the destructor waits for a reader that has stopped reading.
constexpr int kLastWriteMilliseconds = 1000;

// Returns false when the other end is closed.
bool write_all(int fd, std::span<const std::byte> data, bool closing) {
    while (!data.empty()) {
        if (closing) {
            pollfd ready{fd, POLLOUT, 0};
            if (::poll(&ready, 1, kLastWriteMilliseconds) == 0)
                return false;
        }
        const ssize_t count = ::write(fd, data.data(), data.size());
        if (count < 0 && errno == EAGAIN) {
            pollfd ready{fd, POLLOUT, 0};
            ::poll(&ready, 1, -1);
            continue;
        }
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        data = data.subspan(static_cast<std::size_t>(count));
    }
    return true;
}

}  // namespace

// Reads the input descriptor and passes the input to the receiver as it has room. Its pending operations keep
// it alive.
class Console::Input : public std::enable_shared_from_this<Console::Input> {
  public:
    Input(asio::io_context& io, int fd, CharacterReceiver& receiver, std::function<void()> on_escape)
        : io_(io), descriptor_(io), receiver_(receiver), on_escape_(std::move(on_escape)) {
        if (::isatty(fd) != 0 && ::tcgetattr(fd, &saved_.emplace()) == 0) {
            termios raw = *saved_;
            ::cfmakeraw(&raw);
            raw.c_oflag |= OPOST | ONLCR;  // the monitor's own messages need them
            ::tcsetattr(fd, TCSANOW, &raw);
            terminal_ = fd;
        }
        // A regular file cannot be waited for: it is not a console.
        std::error_code ignored;
        descriptor_.assign(::dup(fd), ignored);
        usable_ = !ignored;
    }
    ~Input() {
        // The parent process shares the file description.
        std::error_code ignored;
        if (usable_)
            descriptor_.native_non_blocking(false, ignored);
        if (saved_)
            ::tcsetattr(terminal_, TCSANOW, &*saved_);
    }
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    void start() {
        if (!usable_)
            return;
        receiver_.on_space_available([weak = weak_from_this(), this] {
            asio::post(io_, [weak] {
                if (const auto self = weak.lock())
                    self->deliver();
            });
        });
        read();
    }

  private:
    void read() {
        reading_ = true;
        descriptor_.async_read_some(asio::buffer(chunk_),
                                    [self = shared_from_this()](std::error_code error, std::size_t n) {
                                        self->reading_ = false;
                                        if (error)
                                            return;  // the end of input: the line is silent from here on
                                        self->take(std::span(self->chunk_).first(n));
                                        self->deliver();
                                    });
    }

    void take(std::span<const std::byte> bytes) {
        for (const std::byte byte : bytes) {
            if (saved_ && std::exchange(escaped_, false)) {
                if (byte == kQuit) {
                    on_escape_();
                    continue;
                }
                if (byte != kEscape)
                    continue;
            } else if (saved_ && byte == kEscape) {
                escaped_ = true;
                continue;
            }
            waiting_.push_back(byte);
        }
    }

    // Reads more only after everything has been delivered: a guest that takes no input stops the reading, not
    // the monitor.
    void deliver() {
        const std::size_t taken = receiver_.receive(waiting_);
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
        if (waiting_.empty() && !reading_)
            read();
    }

    asio::io_context& io_;
    asio::posix::stream_descriptor descriptor_;
    CharacterReceiver& receiver_;
    std::function<void()> on_escape_;
    std::optional<termios> saved_;
    int terminal_ = -1;
    bool usable_ = false;
    bool escaped_ = false;
    bool reading_ = false;
    std::array<std::byte, 256> chunk_{};
    std::vector<std::byte> waiting_;
};

Console::Console(ConsoleDescriptors descriptors, std::function<void()> on_first_output)
    : descriptors_(std::move(descriptors)), on_first_output_(std::move(on_first_output)) {
    if (descriptors_.output)
        writer_ = std::thread([this] { write_loop(); });
}

Console::~Console() {
    {
        std::lock_guard lock(mutex_);
        closing_ = true;
    }
    wake_.notify_one();
    if (writer_.joinable())
        writer_.join();
}

void Console::write(std::span<const std::byte> data) {
    if (!descriptors_.output)
        return;
    bool was_empty = false;
    {
        std::lock_guard lock(mutex_);
        was_empty = buffer_.empty();
        const std::size_t room = kMostBuffered - std::min(kMostBuffered, buffer_.size());
        const auto kept = data.first(std::min(room, data.size()));
        buffer_.insert(buffer_.end(), kept.begin(), kept.end());
    }
    if (was_empty)
        wake_.notify_one();
}

void Console::write_loop() {
    // A reader that goes away must be an error of write(), not the end of the process. Kicks are for vCPU
    // threads.
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::vector<std::byte> piece;
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return closing_ || !buffer_.empty(); });
        if (buffer_.empty())
            return;
        piece.clear();
        std::swap(piece, buffer_);
        const bool closing = closing_;
        lock.unlock();
        if (const auto first = std::exchange(on_first_output_, nullptr))
            first();
        const bool alive = write_all(descriptors_.output.get(), piece, closing);
        lock.lock();
        if (!alive && closing_)
            return;
    }
}

void Console::start_input(asio::io_context& io, CharacterReceiver& receiver,
                          std::function<void()> on_escape) {
    if (!descriptors_.input)
        return;
    input_ = std::make_shared<Input>(io, descriptors_.input.get(), receiver, std::move(on_escape));
    input_->start();
}

std::optional<Console::TerminalSize> Console::terminal_size() const {
    winsize size{};
    if (!descriptors_.input || ::ioctl(descriptors_.input.get(), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return std::nullopt;
    return TerminalSize{size.ws_col, size.ws_row};
}

}  // namespace ringside::devices
