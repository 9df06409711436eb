#include "vmm/devices/virtio/vsock_connection.h"

#include <algorithm>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/write.hpp>

namespace ringside::devices::virtio {

VsockConnection::VsockConnection(Socket socket, VsockPorts ports, Hooks hooks)
    : socket_(std::move(socket)), ports_(ports), hooks_(std::move(hooks)) {}

void VsockConnection::establish(std::string_view greeting) {
    established_ = true;
    const auto bytes = std::as_bytes(std::span(greeting));
    gathered_.insert(gathered_.end(), bytes.begin(), bytes.end());
    greeting_left_ = static_cast<std::uint32_t>(bytes.size());
    write();
    read();
}

void VsockConnection::close() {
    closed_ = true;
    std::error_code ignored;
    socket_.close(ignored);
}

// ---- To the host

bool VsockConnection::take(std::span<const std::byte> data) {
    const std::size_t waiting = gathered_.size() + writing_.size() - greeting_left_;
    if (data.size() > kBufferSize - std::min<std::size_t>(waiting, kBufferSize))
        return false;
    gathered_.insert(gathered_.end(), data.begin(), data.end());
    write();
    return true;
}

void VsockConnection::write() {
    if (write_pending_ || gathered_.empty())
        return;
    write_pending_ = true;
    writing_.swap(gathered_);
    asio::async_write(socket_, asio::buffer(writing_),
                      [self = shared_from_this()](std::error_code error, std::size_t size) {
                          self->write_pending_ = false;
                          if (self->closed_)
                              return;
                          if (error) {
                              self->hooks_.tell(VsockOp::Reset, 0);
                              self->hooks_.on_closed();
                              return;
                          }
                          self->on_written(size);
                      });
}

// Updates the guest's credit before it runs out, but not after every byte.
void VsockConnection::on_written(std::size_t size) {
    const std::uint32_t data = static_cast<std::uint32_t>(size) - std::exchange(greeting_left_, 0);
    forwarded_ += data;
    writing_.clear();
    write();
    if (forwarded_ - told_forwarded_ >= kBufferSize / 4) {
        told_forwarded_ = forwarded_;
        hooks_.tell(VsockOp::CreditUpdate, 0);
    }
    finish_if_done();
}

void VsockConnection::shut_down(std::uint32_t flags) {
    guest_shutdown_ |= flags & (kVsockNoReceive | kVsockNoSend);
    finish_if_done();
}

// Once everything that the guest sent has been written, passes its half-close on to the host. If the guest
// will not receive either, the connection is over, and the guest waits for confirmation.
void VsockConnection::finish_if_done() {
    if (write_pending_ || !gathered_.empty() || (guest_shutdown_ & kVsockNoSend) == 0)
        return;
    std::error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    if ((guest_shutdown_ & kVsockNoReceive) == 0)
        return;
    hooks_.tell(VsockOp::Reset, 0);
    hooks_.on_closed();
}

// ---- To the guest

void VsockConnection::read() {
    socket_.async_read_some(asio::buffer(piece_),
                            [self = shared_from_this()](std::error_code error, std::size_t size) {
                                if (self->closed_)
                                    return;
                                if (error) {  // the host's program sends no more, but may still receive
                                    self->hooks_.tell(VsockOp::Shutdown, kVsockNoSend);
                                    return;
                                }
                                self->piece_begin_ = 0;
                                self->piece_end_ = size;
                                self->hooks_.on_data();
                            });
}

// Unsigned arithmetic modulo 2^32, like the counters. A guest that claims to have forwarded more than it
// received has no credit.
std::span<const std::byte> VsockConnection::data() const {
    const std::uint32_t in_flight = sent_ - guest_forwarded_;
    const std::uint32_t credit = in_flight > guest_buffer_ ? 0 : guest_buffer_ - in_flight;
    return std::span(piece_).subspan(piece_begin_, std::min<std::size_t>(piece_end_ - piece_begin_, credit));
}

void VsockConnection::consume(std::size_t size) {
    piece_begin_ += size;
    sent_ += static_cast<std::uint32_t>(size);
    if (piece_begin_ == piece_end_)
        read();
}

void VsockConnection::note_credit(const VsockHeader& header) {
    guest_buffer_ = header.buffer_size;
    guest_forwarded_ = header.forwarded;
}

}  // namespace ringside::devices::virtio
