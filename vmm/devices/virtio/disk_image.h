// A raw disk image or block device on the host.
//
// With an overlay (disk_overlay.h) the image is only read, and the guest's writes stay in the monitor's memory.
//
// The image is locked while it is open (with fcntl OFD locks, like QEMU's): shared for reading, exclusive for
// writing. Two machines never write to one image, and none reads an image that another changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "vmm/base/error.h"
#include "vmm/base/fd.h"
#include "vmm/devices/virtio/disk_overlay.h"
#include "vmm/devices/virtio/specs.h"

namespace ringside::devices::virtio {

class DiskImage {
  public:
    static constexpr std::uint64_t kSector = 512;

    // Fails with a message if the path is neither a file nor a block device, if the size is not a multiple of
    // the sector size, or if another program has locked the image.
    static Result<DiskImage> open(const DiskSpec& spec);

    std::uint64_t size() const { return size_; }   // bytes
    bool read_only() const { return read_only_; }  // by the guest
    const std::string& path() const { return path_; }
    // nullptr if writes go to the image.
    const std::shared_ptr<DiskOverlay>& overlay() const { return overlay_; }

    // The writes that follow are those of a request that the guest makes now: it is not stopped.
    void begin_request();

    // All return true on success. The range must lie within size().
    bool read(std::uint64_t offset, std::span<std::byte> out) const;
    bool write(std::uint64_t offset, std::span<const std::byte> data) const;
    // After this, earlier writes survive a crash of the monitor and of the host.
    bool flush() const;
    // Discards the range: its space is returned to the host if possible. It then reads as zeros.
    bool discard(std::uint64_t offset, std::uint64_t size) const;
    // Zeroes the range, and returns its space to the host if `may_discard`.
    bool write_zeroes(std::uint64_t offset, std::uint64_t size, bool may_discard) const;

  private:
    DiskImage(Fd fd, std::uint64_t size, const DiskSpec& spec);
    Fd fd_;
    std::uint64_t size_ = 0;
    bool read_only_ = false;
    std::string path_;
    std::shared_ptr<DiskOverlay> overlay_;
    std::uint64_t era_ = 0;  // of the overlay, when the request began
};

}  // namespace ringside::devices::virtio
