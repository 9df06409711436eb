// Both ends of two vsock conversations, one opened by each side:
//   vsock_peer guest          in the guest: sends 1 MiB to the host and gets it back; then serves the host
//   vsock_peer host PATH      on the host: sends back what the guest sends; then calls the guest
// Each ends with status 0 if all went well.
#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr unsigned kHostPort = 52;     // where the host listens
constexpr unsigned kGuestPort = 1234;  // where the guest listens
constexpr std::size_t kSize = std::size_t{1} << 20;

bool write_all(int fd, const char* data, std::size_t size) {
    while (size != 0) {
        const ssize_t count = ::write(fd, data, size);
        if (count <= 0)
            return false;
        data += count;
        size -= static_cast<std::size_t>(count);
    }
    return true;
}

// Up to the end of the stream, or to `size` bytes.
std::string read_all(int fd, std::size_t size) {
    std::string text(size, '\0');
    std::size_t done = 0;
    while (done < size) {
        const ssize_t count = ::read(fd, text.data() + done, size - done);
        if (count <= 0)
            break;
        done += static_cast<std::size_t>(count);
    }
    text.resize(done);
    return text;
}

bool echo(int fd) {
    std::vector<char> piece(4096);
    for (;;) {
        const ssize_t count = ::read(fd, piece.data(), piece.size());
        if (count <= 0)
            return count == 0;
        if (!write_all(fd, piece.data(), static_cast<std::size_t>(count)))
            return false;
    }
}

template <typename Address>
const sockaddr* generic(const Address& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

sockaddr_vm vsock_address(unsigned cid, unsigned port) {
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = cid;
    address.svm_port = port;
    return address;
}

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    return address;
}

bool guest() {
    const int listener = ::socket(AF_VSOCK, SOCK_STREAM, 0);
    const auto own = vsock_address(VMADDR_CID_ANY, kGuestPort);
    if (::bind(listener, generic(own), sizeof own) != 0 || ::listen(listener, 1) != 0)
        return false;
    const int host = ::socket(AF_VSOCK, SOCK_STREAM, 0);
    const auto address = vsock_address(VMADDR_CID_HOST, kHostPort);
    if (::connect(host, generic(address), sizeof address) != 0)
        return false;
    std::string sent(kSize, '\0');
    for (std::size_t i = 0; i < kSize; ++i)
        sent[i] = static_cast<char>(i * 7 + i / 251);
    std::thread sender([&] {
        if (write_all(host, sent.data(), sent.size()))
            ::shutdown(host, SHUT_WR);
    });
    const std::string received = read_all(host, kSize);
    sender.join();
    return received == sent && echo(::accept(listener, nullptr, nullptr));
}

bool host(const std::string& path) {
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const auto own = unix_address(path + "_" + std::to_string(kHostPort));
    if (::bind(listener, generic(own), sizeof own) != 0 || ::listen(listener, 1) != 0)
        return false;
    const int caller = ::accept(listener, nullptr, nullptr);
    if (!echo(caller))
        return false;
    ::close(caller);
    const int call = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const auto address = unix_address(path);
    const std::string request = "CONNECT " + std::to_string(kGuestPort) + "\nhello";
    if (::connect(call, generic(address), sizeof address) != 0 ||
        !write_all(call, request.data(), request.size()))
        return false;
    const std::string answer = read_all(call, std::strlen("OK 1073741824\nhello"));
    return answer.starts_with("OK ") && answer.ends_with("\nhello");
}

}  // namespace

int main(int argc, char** argv) {
    const std::string side = argc > 1 ? argv[1] : "";
    const bool good = side == "guest" ? guest() : side == "host" && argc > 2 && host(argv[2]);
    std::printf("vsock: %s\n", good ? "good" : "bad");
    return good ? 0 : 1;
}
