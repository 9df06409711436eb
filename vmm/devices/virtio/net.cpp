#include "vmm/devices/virtio/net.h"

#include <utility>

namespace ringside::devices::virtio {

namespace {

constexpr unsigned kNetReceive = 0;
constexpr unsigned kNetTransmit = 1;

// Feature bits (5.1.3).
constexpr std::uint64_t kFeatureMac = std::uint64_t{1} << 5;
constexpr std::uint64_t kFeatureStatus = std::uint64_t{1} << 16;

}  // namespace

Net::Net(std::unique_ptr<NetBackend> backend, const MacAddress& mac,
         std::function<void(const std::string&)> report)
    : backend_(std::move(backend)), report_(std::move(report)) {
    config_.mac = mac;
}

Identity Net::identity() const {
    return {kNetId, "virtio net", kFeatureMac | kFeatureStatus | backend_->features(), 2};
}

void Net::start(Transport& transport, asio::io_context& io) {
    transport_ = &transport;
    backend_->start(io, {[this](std::span<const std::byte> frame) { on_frame(frame); },
                         [this] { transmit(); }, [this](const std::string& why) { on_lost(why); }});
    backend_->receive();
}

void Net::on_kick(unsigned queue) {
    if (queue == kNetTransmit) {
        transmit();
    } else if (!waiting_.empty() && deliver(waiting_)) {
        waiting_.clear();
        backend_->receive();
    }
}

void Net::on_reset() {
    accepted_.reset();
}

void Net::on_frame(std::span<const std::byte> frame) {
    if (deliver(frame))
        backend_->receive();
    else
        waiting_.assign(frame.begin(), frame.end());
}

void Net::on_lost(const std::string& why) {
    report_("virtio net: " + why + ": the guest's link is down");
    if (auto access = transport_->enter()) {
        config_.status = 0;
        access->config_changed();
    }
}

// Returns true if the frame is done with: delivered, or dropped because it is too large for the buffer.
bool Net::deliver(std::span<const std::byte> frame) {
    auto access = transport_->enter();
    if (!access || !access->next(kNetReceive, receive_chain_))
        return false;
    settle_features(*access);
    if (receive_chain_.writable() < frame.size())
        return true;
    receive_chain_.write(0, frame);
    access->finish(kNetReceive, receive_chain_, static_cast<std::uint32_t>(frame.size()));
    return true;
}

void Net::transmit() {
    while (backend_->ready() && take_frame()) {
        if (!frame_.empty())
            backend_->send(frame_);
    }
}

// The guest's next frame; empty if it is not a valid frame.
bool Net::take_frame() {
    auto access = transport_->enter();
    if (!access || !access->next(kNetTransmit, transmit_chain_))
        return false;
    settle_features(*access);
    const std::uint64_t size = transmit_chain_.readable();
    frame_.resize(size > kNetHeader && size <= kLargestFrame ? static_cast<std::size_t>(size) : 0);
    transmit_chain_.read(0, frame_);
    access->finish(kNetTransmit, transmit_chain_, 0);
    return true;
}

void Net::settle_features(const Transport::Access& access) {
    if (accepted_)
        return;
    accepted_ = access.negotiated(backend_->features());
    backend_->accept(*accepted_);
}

}  // namespace ringside::devices::virtio
