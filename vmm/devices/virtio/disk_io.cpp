#include "vmm/devices/virtio/disk_io.h"

#include <unistd.h>

#include <cerrno>

namespace ringside::devices::virtio {

namespace {

template <typename Byte, typename Transfer>
bool transfer_all(std::span<Byte> data, std::uint64_t offset, Transfer transfer) {
    while (!data.empty()) {
        const ssize_t count = transfer(data.data(), data.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        data = data.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return true;
}

}  // namespace

bool read_range(int fd, std::uint64_t offset, std::span<std::byte> out) {
    return transfer_all(out, offset,
                        [fd](void* to, std::size_t size, off_t at) { return ::pread(fd, to, size, at); });
}

bool write_range(int fd, std::uint64_t offset, std::span<const std::byte> data) {
    return transfer_all(data, offset, [fd](const void* from, std::size_t size, off_t at) {
        return ::pwrite(fd, from, size, at);
    });
}

}  // namespace ringside::devices::virtio
