#include "vmm/devices/virtio/disk_image.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "vmm/devices/virtio/disk_io.h"

namespace ringside::devices::virtio {

namespace {

std::string operation(const DiskSpec& spec) {
    return "--disk " + spec.path;
}

bool only_reads(const DiskSpec& spec) {
    return spec.read_only || spec.overlay;
}

Result<void> lock(int fd, const DiskSpec& spec) {
    struct flock whole {};
    whole.l_type = only_reads(spec) ? F_RDLCK : F_WRLCK;
    whole.l_whence = SEEK_SET;  // with a length of 0: all of it
    if (::fcntl(fd, F_OFD_SETLK, &whole) == 0)
        return {};
    if (errno == EAGAIN || errno == EACCES)
        return failure(operation(spec),
                       only_reads(spec) ? "another program writes to the image"
                                        : "another program, perhaps a virtual machine, uses the image",
                       "End it first, or copy the image");
    return errno_failure("lock " + operation(spec), errno);
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
    Fd fd(::open(spec.path.c_str(), (only_reads(spec) ? O_RDONLY : O_RDWR) | O_CLOEXEC));
    if (!fd)
        return errno_failure(operation(spec), errno,
                             only_reads(spec) ? "" : "FILE,ro and FILE,overlay need no right to write");
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

DiskImage::DiskImage(Fd fd, std::uint64_t size, const DiskSpec& spec)
    : fd_(std::move(fd)), size_(size), read_only_(spec.read_only), path_(spec.path) {
    if (spec.overlay)
        overlay_ =
            std::make_shared<DiskOverlay>(fd_.get(), size_, std::filesystem::path(path_).filename().string());
}

void DiskImage::begin_request() {
    if (overlay_)
        era_ = overlay_->era();
}

bool DiskImage::read(std::uint64_t offset, std::span<std::byte> out) const {
    return overlay_ ? overlay_->read(offset, out) : read_range(fd_.get(), offset, out);
}

bool DiskImage::write(std::uint64_t offset, std::span<const std::byte> data) const {
    return overlay_ ? overlay_->write(era_, offset, data) : write_range(fd_.get(), offset, data);
}

bool DiskImage::flush() const {
    return overlay_ || ::fdatasync(fd_.get()) == 0;
}

bool DiskImage::discard(std::uint64_t offset, std::uint64_t size) const {
    if (overlay_)
        return overlay_->zero(era_, offset, size);
    // A discard is only a hint: a host that cannot use it is not an error.
    return ::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                       static_cast<off_t>(size)) == 0 ||
           errno == EOPNOTSUPP;
}

bool DiskImage::write_zeroes(std::uint64_t offset, std::uint64_t size, bool may_discard) const {
    if (overlay_)
        return overlay_->zero(era_, offset, size);
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
