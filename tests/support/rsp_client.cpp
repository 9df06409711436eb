#include "tests/support/rsp_client.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "tests/support/patience.h"

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

// A silent stub is an error and no hang.
void limit_silence(int handle) {
    using namespace std::chrono_literals;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience(60s));
    const timeval limit{seconds.count(), 0};
    setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
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
    setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    limit_silence(handle);
    return handle;
}

int connect_to(const std::filesystem::path& path) {
    const int handle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof address.sun_path)
        fail(fmt::format("{} is too long for a socket's name", path.native()));
    std::memcpy(address.sun_path, path.c_str(), path.native().size());
    if (handle < 0 || connect(handle, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        fail(fmt::format("cannot connect to {}", path.native()));
    limit_silence(handle);
    return handle;
}

}  // namespace

RspClient::RspClient(std::uint16_t port) : RspClient(Connected{connect_to(port)}) {
    handshake();
}

RspClient::RspClient(const std::filesystem::path& path) : RspClient(Connected{connect_to(path)}) {
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
    send_bytes(output_);
}

void RspClient::send_bytes(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0)
            fail("cannot send");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void RspClient::interrupt() {
    send_bytes("\x03");
}

bool RspClient::is_silent_for(std::chrono::milliseconds duration) {
    pollfd ready{socket_, POLLIN, 0};
    return input_at_ == input_end_ && poll(&ready, 1, static_cast<int>(duration.count())) == 0;
}

// Waits for input, after all that was there has been used.
void RspClient::refill() {
    input_.resize(kReadSize);
    const auto received = recv(socket_, input_.data(), input_.size(), 0);
    input_end_ = received > 0 ? static_cast<std::size_t>(received) : 0;
    input_at_ = 0;
    if (received <= 0)
        fail(received == 0 ? "the stub closed the connection" : "no reply in time");
}

// Takes input up to and with the next `end`, and appends what is before it to `taken`.
void RspClient::take_until(char end, std::string& taken) {
    for (;;) {
        if (input_at_ == input_end_)
            refill();
        const auto rest = std::string_view(input_).substr(input_at_, input_end_ - input_at_);
        const auto found = rest.find(end);
        const auto length = std::min(found, rest.size());
        taken += rest.substr(0, length);
        input_at_ += length;
        if (found != std::string_view::npos) {
            ++input_at_;
            return;
        }
    }
}

// Undoes escapes and runs; what has neither is copied in one piece.
void RspClient::decode(std::string_view payload) {
    reply_.clear();
    std::size_t escape = payload.find('}');  // each is looked for only when it has been passed
    std::size_t run = payload.find('*');
    for (std::size_t at = 0; at < payload.size();) {
        if (escape != std::string_view::npos && escape < at)
            escape = payload.find('}', at);
        if (run != std::string_view::npos && run < at)
            run = payload.find('*', at);
        const auto special = std::min({escape, run, payload.size()});
        reply_ += payload.substr(at, special - at);
        at = special + 2;
        if (at > payload.size())
            break;
        const char operand = payload[special + 1];
        if (payload[special] == '}')
            reply_ += static_cast<char>(operand ^ 0x20);
        else if (!reply_.empty())
            reply_.append(static_cast<std::size_t>(operand - 29), reply_.back());
    }
}

std::string_view RspClient::receive() {
    payload_.clear();
    take_until('$', payload_);
    payload_.clear();
    take_until('#', payload_);
    for (int digit = 0; digit < 2; ++digit) {  // the checksum: TCP does not corrupt
        if (input_at_ == input_end_)
            refill();
        ++input_at_;
    }
    decode(payload_);
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

std::string_view RspClient::receive_stop() {
    std::string_view reply = receive();
    while (reply.starts_with('O') && reply != "OK")
        reply = receive();
    return reply;
}

std::string_view RspClient::resume(std::string_view payload) {
    send(payload);
    const std::string_view reply = receive_stop();
    if (!reply.starts_with('T') && !reply.starts_with('S'))
        fail(fmt::format("'{}' was answered by '{}'", payload, reply));
    return reply;
}

}  // namespace ringside::testing
