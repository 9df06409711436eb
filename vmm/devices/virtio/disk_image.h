// A raw disk image or block device on the host.
//
// The image is locked while it is open (fcntl OFD locks, which QEMU takes too): shared for reading, alone for
// writing. So two machines never write into one image, and none reads what another changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "vmm/devices/virtio/specs.h"
#include "vmm/kvm/fd.h"
#include "vmm/types.h"

namespace ringside::devices::virtio {

class DiskImage {
  public:
    static constexpr std::uint64_t kSector = 512;

    // Fails, in words, on what is neither a file nor a block device, on a size that is not of whole sectors,
    // and on an image that another program has locked.
    static Result<DiskImage> open(const DiskSpec& spec);

    std::uint64_t size() const { return size_; }  // bytes
    bool read_only() const { return read_only_; }
    const std::string& path() const { return path_; }

    // All return whether it worked, and must stay within size().
    bool read(std::uint64_t offset, std::span<std::byte> out) const;
    bool write(std::uint64_t offset, std::span<const std::byte> data) const;
    // What was written before survives a crash of the monitor and of the host after this.
    bool flush() const;
    // The range is not needed any more: its space goes back to the host, where it can. Reads zeros then.
    bool discard(std::uint64_t offset, std::uint64_t size) const;
    // The range reads zeros afterwards; its space is given back, if it `may_discard`.
    bool write_zeroes(std::uint64_t offset, std::uint64_t size, bool may_discard) const;

  private:
    DiskImage(kvm::Fd fd, std::uint64_t size, const DiskSpec& spec)
        : fd_(std::move(fd)), size_(size), read_only_(spec.read_only), path_(spec.path) {}
    kvm::Fd fd_;
    std::uint64_t size_ = 0;
    bool read_only_ = false;
    std::string path_;
};

}  // namespace ringside::devices::virtio
