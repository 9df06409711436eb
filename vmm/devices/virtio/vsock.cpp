#include "vmm/devices/virtio/vsock.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <asio/read_until.hpp>

#include "vmm/base/text.h"
#include "vmm/devices/virtio/unix_address.h"

namespace ringside::devices::virtio {

namespace {

constexpr unsigned kVsockReceive = 0;
constexpr unsigned kVsockTransmit = 1;
constexpr unsigned kVsockEvent = 2;

constexpr std::uint32_t kEventTransportReset = 0;  // 5.10.6.7

// Ports of the host's end of connections that the host opens, above those that programs choose.
constexpr std::uint32_t kFirstHostPort = std::uint32_t{1} << 30;
// "CONNECT 4294967295\n"
constexpr std::size_t kLongestRequest = 32;
// While this many replies wait for the guest, its packets wait, too.
constexpr std::size_t kMostAnswers = 256;
// The largest data of a packet. Drivers send up to 64 KiB.
constexpr std::size_t kMostData = VsockConnection::kBufferSize;

}  // namespace

// A program on the host that has connected but has not named a port yet.
struct Vsock::Handshake {
    Handshake(Protocol::socket connected, std::size_t& counter)
        : socket(std::move(connected)), line(kLongestRequest), count(counter) {
        ++count;
    }
    ~Handshake() { --count; }
    Handshake(const Handshake&) = delete;
    Handshake& operator=(const Handshake&) = delete;

    Protocol::socket socket;
    asio::streambuf line;
    std::size_t& count;
};

Result<std::unique_ptr<Vsock>> Vsock::open(const VsockSpec& spec) {
    const std::string operation = "--vsock " + std::to_string(spec.cid) + "," + spec.path;
    const auto address = TRY(unix_address(operation, spec.path));
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return errno_failure(operation, errno,
                             errno == EADDRINUSE ? "Remove the file if nothing uses it" : "");
    if (::listen(fd.get(), SOMAXCONN) != 0)
        return errno_failure(operation, errno);
    return std::unique_ptr<Vsock>(new Vsock(spec, std::move(fd)));
}

Vsock::~Vsock() {
    drop_all();
    ::unlink(path_.c_str());
}

void Vsock::start(Transport& transport, asio::io_context& io) {
    transport_ = &transport;
    io_ = &io;
    next_host_port_ = kFirstHostPort;
    acceptor_.emplace(io, Protocol(), listener_fd_.release());
    accept();
}

// ---- The host's programs

// A failure to accept, such as a lack of descriptors, would repeat at once. The next attempt waits until a
// connection has ended.
void Vsock::accept() {
    accepting_ = true;
    acceptor_->async_accept([this](std::error_code error, Protocol::socket socket) {
        if (error == asio::error::operation_aborted)
            return;
        accepting_ = !error;
        if (error)
            return;
        if (connections_.size() + handshakes_ < kMostConnections)
            read_request(std::make_shared<Handshake>(std::move(socket), handshakes_));
        accept();
    });
}

// Reads the line to its end and not a byte further: what follows belongs to the connection.
void Vsock::read_request(const std::shared_ptr<Handshake>& handshake) {
    handshake->socket.async_read_some(
        handshake->line.prepare(1), [this, handshake](std::error_code error, std::size_t size) {
            if (error)
                return;
            handshake->line.commit(size);
            const auto data = handshake->line.data();
            const std::string_view line(static_cast<const char*>(data.data()), data.size());
            if (!line.ends_with('\n')) {
                if (line.size() < kLongestRequest)
                    read_request(handshake);
                return;
            }
            constexpr std::string_view kConnect = "CONNECT ";
            if (!line.starts_with(kConnect))
                return;
            const auto number = line.substr(kConnect.size(), line.size() - kConnect.size() - 1);
            if (const auto port = parse_digits<std::uint32_t>(number))
                connect_to_guest(std::move(handshake->socket), *port);
        });
}

void Vsock::connect_to_guest(Protocol::socket socket, std::uint32_t guest_port) {
    while (connections_.contains({next_host_port_, guest_port}))
        ++next_host_port_;
    const VsockPorts ports{next_host_port_++, guest_port};
    if (next_host_port_ < kFirstHostPort)
        next_host_port_ = kFirstHostPort;
    add(std::move(socket), ports);
    tell(ports, VsockOp::Request, 0);
}

// ---- The guest's packets

void Vsock::on_kick(unsigned queue) {
    if (queue == kVsockEvent)
        deliver_event();
    if (queue == kVsockReceive)
        deliver();
    if (queue == kVsockTransmit || queue == kVsockReceive)
        process_transmitted();
}

void Vsock::process_transmitted() {
    while (answers_.size() < kMostAnswers && take_packet())
        handle(packet_);
}

bool Vsock::take_packet() {
    auto access = transport_->enter();
    if (!access || !access->next(kVsockTransmit, transmit_chain_))
        return false;
    if (transmit_chain_.read(0, std::as_writable_bytes(std::span(&packet_, 1))) != sizeof packet_) {
        access->fail("a vsock packet without a header");
        return false;
    }
    payload_.resize(std::min<std::size_t>(packet_.length, kMostData));
    if (packet_.length > kMostData || transmit_chain_.read(sizeof packet_, payload_) != payload_.size()) {
        access->fail("a vsock packet that is shorter than its length, or longer than any buffer");
        return false;
    }
    access->finish(kVsockTransmit, transmit_chain_, 0);
    return true;
}

void Vsock::handle(const VsockHeader& header) {
    // Packets for another CID are dropped (5.10.6.2).
    if (header.source_cid != cid_ || header.destination_cid != kVsockHostCid)
        return;
    if (header.type != kVsockStream)
        return answer(header, VsockOp::Reset);
    const auto found = connections_.find({header.destination_port, header.source_port});
    if (header.op == VsockOp::Request && found == connections_.end())
        return connect_to_host(header);
    if (found == connections_.end()) {
        if (header.op != VsockOp::Reset)
            answer(header, VsockOp::Reset);
        return;
    }
    const auto connection = found->second;  // keeps it alive if it is erased meanwhile
    connection->note_credit(header);
    handle_for(*connection, header);
    deliver();  // there may be new credit
}

void Vsock::handle_for(VsockConnection& connection, const VsockHeader& header) {
    const VsockPorts ports = connection.ports();
    switch (header.op) {
        case VsockOp::Response:
            if (!connection.established())
                return connection.establish("OK " + std::to_string(ports.host) + "\n");
            break;
        case VsockOp::Data:
            if (connection.established() && connection.take(payload_))
                return;
            break;
        case VsockOp::Shutdown:
            return connection.shut_down(header.flags);
        case VsockOp::CreditUpdate:
            return;
        case VsockOp::CreditRequest:
            return tell(ports, VsockOp::CreditUpdate, 0);
        case VsockOp::Reset:
            return forget(ports);
        default:
            break;
    }
    // A driver does not send this in the current state of a connection.
    tell(ports, VsockOp::Reset, 0);
    forget(ports);
}

void Vsock::connect_to_host(const VsockHeader& header) {
    const VsockPorts ports{header.destination_port, header.source_port};
    auto fd = connections_.size() < kMostConnections
                  ? connect_unix("vsock", path_ + "_" + std::to_string(ports.host))
                  : tl::unexpected(Error{});
    if (!fd)
        return answer(header, VsockOp::Reset);
    const auto connection = add(Protocol::socket(*io_, Protocol(), fd->release()), ports);
    connection->note_credit(header);
    tell(ports, VsockOp::Response, 0);
    connection->establish("");
}

// ---- What is for the guest

void Vsock::deliver() {
    while (deliver_one())
        ;
}

// Answers first, then the connections in turn.
bool Vsock::deliver_one() {
    VsockConnection* from = nullptr;
    if (answers_.empty()) {
        const auto start = connections_.upper_bound(last_served_);
        const auto has_data = [](const auto& entry) { return !entry.second->data().empty(); };
        auto next = std::find_if(start, connections_.end(), has_data);
        if (next == connections_.end()) {
            next = std::find_if(connections_.begin(), start, has_data);
            if (next == start)
                return false;
        }
        from = next->second.get();
    }
    auto access = transport_->enter();
    if (!access || !access->next(kVsockReceive, receive_chain_))
        return false;
    if (receive_chain_.writable() <= sizeof(VsockHeader)) {
        access->fail("a vsock buffer with no room for a packet");
        return false;
    }
    VsockHeader head = from != nullptr ? header(from->ports(), VsockOp::Data) : answers_.front();
    if (from != nullptr) {
        const auto data = from->data();
        head.length = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(data.size(), receive_chain_.writable() - sizeof head));
        receive_chain_.write(sizeof head, data.first(head.length));
    } else {
        answers_.pop_front();
    }
    receive_chain_.write(0, std::as_bytes(std::span(&head, 1)));
    access->finish(kVsockReceive, receive_chain_, static_cast<std::uint32_t>(sizeof head + head.length));
    access.reset();
    if (from != nullptr) {
        last_served_ = from->ports();
        from->consume(head.length);
    }
    return true;
}

void Vsock::deliver_event() {
    if (!transport_reset_)
        return;
    auto access = transport_->enter();
    if (!access || !access->next(kVsockEvent, event_chain_))
        return;
    const auto size = event_chain_.write(0, std::as_bytes(std::span(&kEventTransportReset, 1)));
    access->finish(kVsockEvent, event_chain_, static_cast<std::uint32_t>(size));
    transport_reset_ = false;
}

VsockHeader Vsock::header(VsockPorts ports, VsockOp op) const {
    VsockHeader head;
    head.source_cid = kVsockHostCid;
    head.destination_cid = cid_;
    head.source_port = ports.host;
    head.destination_port = ports.guest;
    head.type = kVsockStream;
    head.op = op;
    head.buffer_size = VsockConnection::kBufferSize;
    if (const auto found = connections_.find(ports); found != connections_.end())
        head.forwarded = found->second->forwarded();
    return head;
}

void Vsock::tell(VsockPorts ports, VsockOp op, std::uint32_t flags) {
    VsockHeader head = header(ports, op);
    head.flags = flags;
    answers_.push_back(head);
    deliver();
}

// The reply to a packet that belongs to no connection.
void Vsock::answer(const VsockHeader& to, VsockOp op) {
    VsockHeader head = header({to.destination_port, to.source_port}, op);
    head.type = to.type;
    answers_.push_back(head);
    deliver();
}

// ---- Connections

std::shared_ptr<VsockConnection> Vsock::add(Protocol::socket socket, VsockPorts ports) {
    VsockConnection::Hooks hooks;
    hooks.on_data = [this] { deliver(); };
    hooks.tell = [this, ports](VsockOp op, std::uint32_t flags) { tell(ports, op, flags); };
    hooks.on_closed = [this, ports] { forget(ports); };
    auto connection = std::make_shared<VsockConnection>(std::move(socket), ports, std::move(hooks));
    connections_.emplace(ports, connection);
    return connection;
}

void Vsock::forget(VsockPorts ports) {
    const auto found = connections_.find(ports);
    if (found == connections_.end())
        return;
    found->second->close();
    connections_.erase(found);
    if (!accepting_)
        accept();
}

void Vsock::drop_all() {
    for (const auto& [ports, connection] : connections_)
        connection->close();
    connections_.clear();
    answers_.clear();
}

void Vsock::on_reset() {
    drop_all();
    transport_reset_ = false;
}

void Vsock::on_restore() {
    drop_all();
    transport_reset_ = true;
}

}  // namespace ringside::devices::virtio
