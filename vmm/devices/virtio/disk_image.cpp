#include "vmm/devices/virtio/disk_image.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace ringside::devices::virtio {

namespace {

std::string operation(const DiskSpec& spec) {
    return "--disk " + spec.path;
}

Result<void> lock(int fd, const DiskSpec& spec) {
    struct flock whole {};
    whole.l_type = spec.read_only ? F_RDLCK : F_WRLCK;
    whole.l_whence = SEEK_SET;  // with a length of 0: all of it
    if (::fcntl(fd, F_OFD_SETLK, &whole) == 0)
        return {};
    if (errno == EAGAIN || errno == EACCES)
        return failure(operation(spec),
                       spec.read_only ? "another program writes to the image"
                                      : "another program, perhaps a virtual machine, uses the image",
                       "End it first, or copy the image");
    return errno_failure("lock " + operation(spec), errno);
}

// pread() and pwrite() may do less than they were asked for, or be interrupted.
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

Result<DiskImage> DiskImage::open(const DiskSpec& spec) {
    struct stat about {};
    if (::stat(spec.path.c_str(), &about) != 0)
        return errno_failure(operation(spec), errno);
    // Check the type before opening: opening a FIFO waits, and opening a device can have side effects.
    if (S_ISDIR(about.st_mode))
        return failure(operation(spec), "that is a directory");
    if (!S_ISREG(about.st_mode) && !S_ISBLK(about.st_mode))
        return failure(operation(spec), "that is neither a file nor a block device");
    Fd fd(::open(spec.path.c_str(), (spec.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC));
    if (!fd)
        return errno_failure(operation(spec), errno, spec.read_only ? "" : "FILE,ro needs no right to write");
    TRY(lock(fd.get(), spec));
    const off_t size = ::lseek(fd.get(), 0, SEEK_END);  // works on block devices, too
    if (size < 0)
        return errno_failure(operation(spec), errno);
    if (size == 0)
        return failure(operation(spec), "the image is empty", "Give it a size, as with truncate -s 64M");
    if (static_cast<std::uint64_t>(size) % kSector != 0)
        return failure(operation(spec),
                       std::to_string(size) + " bytes are no whole number of 512-byte sectors",
                       "Round it up, as with truncate -s %512");
    return DiskImage(std::move(fd), static_cast<std::uint64_t>(size), spec);
}

bool DiskImage::read(std::uint64_t offset, std::span<std::byte> out) const {
    return transfer_all(out, offset, [this](void* to, std::size_t size, off_t at) {
        return ::pread(fd_.get(), to, size, at);
    });
}

bool DiskImage::write(std::uint64_t offset, std::span<const std::byte> data) const {
    return transfer_all(data, offset, [this](const void* from, std::size_t size, off_t at) {
        return ::pwrite(fd_.get(), from, size, at);
    });
}

bool DiskImage::flush() const {
    return ::fdatasync(fd_.get()) == 0;
}

bool DiskImage::discard(std::uint64_t offset, std::uint64_t size) const {
    // A discard is only a hint: a host that cannot use it is not an error.
    return ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                       static_cast<off_t>(size)) == 0 ||
           errno == EOPNOTSUPP;
}

bool DiskImage::write_zeroes(std::uint64_t offset, std::uint64_t size, bool may_discard) const {
    const int mode = (may_discard ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE) | FALLOC_FL_KEEP_SIZE;
    if (::fallocate(fd_.get(), mode, static_cast<off_t>(offset), static_cast<off_t>(size)) == 0)
        return true;
    if (errno != EOPNOTSUPP)
        return false;
    static constexpr std::array<std::byte, 64 * 1024> kZeroes{};
    while (size != 0) {
        const auto piece = std::min<std::uint64_t>(size, kZeroes.size());
        if (!write(offset, std::span(kZeroes).first(static_cast<std::size_t>(piece))))
            return false;
        offset += piece;
        size -= piece;
    }
    return true;
}

}  // namespace ringside::devices::virtio
