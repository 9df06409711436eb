#include "vmm/devices/virtio/virtio_console.h"

#include <algorithm>
#include <csignal>
#include <utility>

namespace ringside::devices::virtio {

namespace {

constexpr unsigned kConsoleReceive = 0;
constexpr unsigned kConsoleTransmit = 1;
constexpr std::uint64_t kFeatureSize = 1;  // bit 0
// The size of what is copied under one pass of the gate. A request holds a line, rarely a page.
constexpr std::size_t kConsolePiece = 64 * 1024;

}  // namespace

VirtioConsole::VirtioConsole(std::unique_ptr<Console> console, std::function<void()> on_escape)
    : console_(std::move(console)), on_escape_(std::move(on_escape)) {
    if (const auto size = console_->terminal_size()) {
        config_.columns = size->columns;
        config_.rows = size->rows;
    }
}

Identity VirtioConsole::identity() const {
    return {kConsoleId, "virtio console", config_.columns != 0 ? kFeatureSize : 0, 2};
}

void VirtioConsole::start(Transport& transport, asio::io_context& io) {
    transport_ = &transport;
    if (config_.columns != 0) {
        resized_.emplace(io, SIGWINCH);
        watch_size();
    }
    console_->start_input(io, *this, on_escape_);
}

void VirtioConsole::watch_size() {
    resized_->async_wait([this](std::error_code error, int) {
        if (error)
            return;
        const auto size = console_->terminal_size();
        if (auto access = size ? transport_->enter() : std::nullopt) {
            config_.columns = size->columns;
            config_.rows = size->rows;
            access->config_changed();
        }
        watch_size();
    });
}

void VirtioConsole::on_kick(unsigned queue) {
    if (queue == kConsoleTransmit)
        transmit();
    else if (std::exchange(input_refused_, false) && space_available_)
        space_available_();
}

void VirtioConsole::transmit() {
    std::uint64_t sent = 0;  // bytes of the current chain
    for (;;) {
        {
            auto access = transport_->enter();
            if (!access || !access->next(kConsoleTransmit, chain_))
                return;
            buffer_.resize(std::min<std::uint64_t>(kConsolePiece,
                                                   chain_.readable() - std::min(sent, chain_.readable())));
            chain_.read(sent, buffer_);
            sent += buffer_.size();
            if (sent >= chain_.readable()) {
                access->finish(kConsoleTransmit, chain_, 0);
                sent = 0;
            }
        }
        console_->write(buffer_);
    }
}

std::size_t VirtioConsole::receive(std::span<const std::byte> data) {
    std::size_t taken = 0;
    while (taken < data.size()) {
        auto access = transport_->enter();
        if (!access || !access->next(kConsoleReceive, chain_))
            break;
        if (chain_.writable() == 0) {
            access->fail("a console buffer for input with no room for any");
            break;
        }
        const std::size_t count = chain_.write(0, data.subspan(taken));
        access->finish(kConsoleReceive, chain_, static_cast<std::uint32_t>(count));
        taken += count;
    }
    input_refused_ = taken < data.size();
    return taken;
}

}  // namespace ringside::devices::virtio
