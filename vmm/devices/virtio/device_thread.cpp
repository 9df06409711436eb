#include "vmm/devices/virtio/device_thread.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

#include <asio/buffer.hpp>

namespace ringside::devices::virtio {

namespace {

int open_bell() {
    const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        throw std::system_error(errno, std::generic_category(), "eventfd");  // at start-up
    return fd;
}

}  // namespace

DeviceThread::DeviceThread(Device& device) : device_(device), bell_(io_, open_bell()) {}

// Only the first of several events wakes the thread, which takes all of them at once.
void DeviceThread::ring(Events events) {
    if (events_.fetch_or(events, std::memory_order_release) != 0)
        return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(bell_.native_handle(), &one, sizeof one);
}

void DeviceThread::start(Transport& transport) {
    wait();
    thread_ = std::thread([this, &transport] {
        // Signals are for the main thread, kicks for vCPU threads.
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
        device_.start(transport, io_);
        io_.run();
    });
}

void DeviceThread::stop() {
    if (!thread_.joinable())
        return;
    io_.stop();
    thread_.join();
}

void DeviceThread::wait() {
    bell_.async_read_some(asio::buffer(&rings_, sizeof rings_), [this](std::error_code error, std::size_t) {
        if (error)
            return;
        dispatch(device_, events_.exchange(0, std::memory_order_acquire));
        wait();
    });
}

}  // namespace ringside::devices::virtio
