#include "tests/support/rsp_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <numeric>
#include <stdexcept>

namespace ringside::testing {
namespace {

constexpr std::size_t kReadSize = 256 * 1024;

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error("RSP client: " + what);
}

unsigned checksum(std::string_view payload) {
    return std::accumulate(payload.begin(), payload.end(), 0U,
                           [](unsigned sum, char c) { return sum + static_cast<unsigned char>(c); }) &
           0xff;
}

int connect_to(std::uint16_t port) {
    const int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (handle < 0 || connect(handle, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        fail(fmt::format("cannot connect to port {}", port));
    const int on = 1;
    const timeval patience{60, 0};
    setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return handle;
}

}  // namespace

RspClient::RspClient(std::uint16_t port) : socket_(connect_to(port)) {
    handshake();
}

RspClient::~RspClient() {
    close(socket_);
}

void RspClient::handshake() {
    features_ = ask("qSupported:multiprocess-;swbreak+;hwbreak+;qRelocInsn+;vContSupported+");
    if (const auto at = features_.find("PacketSize="); at != std::string::npos)
        packet_size_ = std::stoul(features_.substr(at + 11), nullptr, 16);
    if (offers("QStartNoAckMode+"))
        command("QStartNoAckMode");
    // As gdb does; QEMU takes no P before.
    if (offers("qXfer:features:read+"))
        ask("qXfer:features:read:target.xml:0,100");
    ask("?");
}

bool RspClient::offers(std::string_view feature) const {
    return (";" + features_ + ";").find(";" + std::string(feature) + ";") != std::string::npos;
}

void RspClient::send(std::string_view payload) {
    // The acknowledgement of the last reply goes along: a stub without acknowledgements skips it.
    output_ = fmt::format("+${}#{:02x}", payload, checksum(payload));
    for (std::string_view rest = output_; !rest.empty();) {
        const auto sent = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent <= 0)
            fail("cannot send");
        rest.remove_prefix(static_cast<std::size_t>(sent));
    }
}

char RspClient::next_byte() {
    if (input_at_ == input_.size()) {
        input_.resize(kReadSize);
        const auto received = recv(socket_, input_.data(), input_.size(), 0);
        input_.resize(received > 0 ? static_cast<std::size_t>(received) : 0);
        input_at_ = 0;
        if (received <= 0)
            fail(received == 0 ? "the stub closed the connection" : "no reply within a minute");
    }
    return input_[input_at_++];
}

std::string_view RspClient::receive() {
    while (next_byte() != '$') {
    }
    reply_.clear();
    for (char c = next_byte(); c != '#'; c = next_byte()) {
        if (c == '}')
            reply_ += static_cast<char>(next_byte() ^ 0x20);
        else if (c == '*' && !reply_.empty())
            reply_.append(static_cast<std::size_t>(next_byte() - 29), reply_.back());
        else
            reply_ += c;
    }
    next_byte();  // the checksum: TCP does not corrupt
    next_byte();
    return reply_;
}

std::string_view RspClient::ask(std::string_view payload) {
    send(payload);
    return receive();
}

void RspClient::command(std::string_view payload) {
    if (const auto reply = ask(payload); reply != "OK")
        fail(fmt::format("'{}' was answered by '{}'", payload, reply));
}

std::string_view RspClient::resume(std::string_view payload) {
    std::string_view reply = ask(payload);
    while (reply.starts_with('O') && reply != "OK")  // console output
        reply = receive();
    if (!reply.starts_with('T') && !reply.starts_with('S'))
        fail(fmt::format("'{}' was answered by '{}'", payload, reply));
    return reply;
}

}  // namespace ringside::testing
