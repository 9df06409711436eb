#include "tests/bench/limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

#include "vmm/kvm/system.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/kvm/vm.h"

namespace ringside::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Duration = std::chrono::duration<double>;

template <typename T>
T value_of(Result<T> result) {
    if (!result)
        throw std::runtime_error(result.error().message());
    return std::move(*result);
}

void check(const Result<void>& result) {
    if (!result)
        throw std::runtime_error(result.error().message());
}

constexpr std::size_t kPage = 4096;
constexpr std::array<unsigned char, 3> kCountdown{0x49, 0x75, 0xfd};  // dec ecx; jnz onto it

// 32-bit protected mode with flat segments and no paging, as PVH enters a kernel.
void enter_protected_mode(kvm::Vcpu& vcpu) {
    auto system = value_of(vcpu.system());
    system.cr0 |= 1;
    system.cs = {
        .base = 0, .limit = 0xffffffff, .selector = 8, .type = 11, .s = 1, .present = 1, .db = 1, .g = 1};
    for (auto* segment : {&system.ds, &system.es, &system.fs, &system.gs, &system.ss})
        *segment = {
            .base = 0, .limit = 0xffffffff, .selector = 16, .type = 3, .s = 1, .present = 1, .db = 1, .g = 1};
    check(vcpu.set_system(system));
    check(vcpu.set_general({.rcx = 0xffffffff, .rip = 0, .rflags = 2}));
}

class Socket {
  public:
    explicit Socket(int handle) : handle_(handle) {
        if (handle < 0)
            throw std::runtime_error("no socket");
        const int on = 1;
        setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() { close(handle_); }

    int get() const { return handle_; }
    void send_all(const char* data, std::size_t size) const {
        for (std::size_t sent = 0; sent < size;) {
            const auto now = send(handle_, data + sent, size - sent, MSG_NOSIGNAL);
            if (now <= 0)
                throw std::runtime_error("loopback: cannot send");
            sent += static_cast<std::size_t>(now);
        }
    }
    // False once the other side has closed.
    bool receive_all(char* data, std::size_t size) const {
        return recv(handle_, data, size, MSG_WAITALL) == static_cast<ssize_t>(size);
    }

  private:
    int handle_;
};

constexpr std::size_t kRequest = 16;

// Answers requests of kRequest bytes with a copy of `size` bytes, until the client leaves.
void serve(const Socket& listener, std::size_t size) {
    const Socket client(accept(listener.get(), nullptr, nullptr));
    const std::vector<char> memory(size, 'm');
    std::vector<char> reply(size);
    std::array<char, kRequest> request{};
    while (client.receive_all(request.data(), request.size())) {
        std::memcpy(reply.data(), memory.data(), size);
        client.send_all(reply.data(), size);
    }
}

double replies_per_second(std::size_t size, Duration duration) {
    const Socket listener(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener.get(), generic, length) != 0 || listen(listener.get(), 1) != 0 ||
        getsockname(listener.get(), generic, &length) != 0)
        throw std::runtime_error("cannot listen on loopback");
    std::jthread server([&] { serve(listener, size); });

    const Socket client(socket(AF_INET, SOCK_STREAM, 0));
    if (connect(client.get(), generic, length) != 0)
        throw std::runtime_error("cannot connect over loopback");
    std::vector<char> reply(size);
    const std::array<char, kRequest> request{};
    const auto start = Clock::now();
    double count = 0;
    Duration elapsed{0};
    for (; elapsed < duration; elapsed = Clock::now() - start, ++count) {
        client.send_all(request.data(), request.size());
        if (!client.receive_all(reply.data(), size))
            throw std::runtime_error("loopback: no reply");
    }
    shutdown(client.get(), SHUT_RDWR);
    return count / elapsed.count();
}

}  // namespace

double bare_kvm_steps(Duration duration) {
    const auto kvm = value_of(kvm::System::open());
    const auto vm = value_of(kvm.create_vm());
    void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        throw std::runtime_error("no memory");
    std::memcpy(page, kCountdown.data(), kCountdown.size());
    check(vm.set_memory(0, Gpa{0}, kPage, static_cast<std::byte*>(page), 0));
    auto vcpu = value_of(vm.create_vcpu(VcpuIndex{0}));
    enter_protected_mode(vcpu);
    constexpr std::array<std::uint64_t, 4> kNoBreakpoints{};
    check(vcpu.set_guest_debug({kvm::DebugFeature::SingleStep}, kNoBreakpoints, {}));

    const auto start = Clock::now();
    double count = 0;
    Duration elapsed{0};
    for (; elapsed < duration; elapsed = Clock::now() - start)
        for (int batch = 0; batch < 64; ++batch, ++count)
            if (value_of(vcpu.run()) != kvm::RunOutcome::Exit || vcpu.shared().exit_reason != KVM_EXIT_DEBUG)
                throw std::runtime_error("KVM_RUN did not end in a single-step");
    munmap(page, kPage);
    return count / elapsed.count();
}

Loopback loopback_limits(std::size_t reply_size, Duration duration) {
    constexpr double kMiB = 1024 * 1024;
    return {replies_per_second(reply_size, duration) * static_cast<double>(reply_size) / kMiB,
            replies_per_second(kRequest, duration)};
}

}  // namespace ringside::bench
