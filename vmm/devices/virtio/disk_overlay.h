// The writes to a disk whose image stays as it is: clusters in the monitor's memory, which snapshots share. They take as
// much of the host's memory as the guest writes, rounded up to clusters, and end with the monitor.
//
// Threading: a device's thread reads and writes; the server's thread saves and restores while the guest is stopped. A
// request that the device has begun may still be under way then. After a restore it must not change the disk: so each
// write names the era in which its request was taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <span>
#include <string>

#include "vmm/machine/disk_clusters.h"

namespace ringside::devices::virtio {

class DiskOverlay final : public machine::OverlaidDisk {
  public:
    // `image` is an open file of `size` bytes, which must stay open while the disk is read or written.
    DiskOverlay(int image, std::uint64_t size, std::string name)
        : image_(image), size_(size), name_(std::move(name)) {}

    std::string_view name() const override { return name_; }
    std::uint64_t size() const override { return size_; }
    machine::DiskClusters save() const override;
    void restore(const machine::DiskClusters& clusters) override;

    // Counts the restores.
    std::uint64_t era() const;

    // All return true on success. The range must lie within size().
    bool read(std::uint64_t offset, std::span<std::byte> out) const;
    // False, and without effect, if the era has ended, if the image cannot be read, or if the host has no memory left.
    bool write(std::uint64_t era, std::uint64_t offset, std::span<const std::byte> data);
    bool zero(std::uint64_t era, std::uint64_t offset, std::uint64_t size);

  private:
    struct Piece {
        std::uint64_t cluster;
        std::size_t within;  // offset in the cluster
        std::size_t size;
        std::uint64_t done;  // bytes of the range before this piece
    };
    // Calls `each` for each cluster of the range, until one returns false.
    template <typename Each>
    static bool for_each_piece(std::uint64_t offset, std::uint64_t size, Each each);
    template <typename Fill>
    bool change(std::uint64_t era, std::uint64_t offset, std::uint64_t size, Fill fill);
    // A cluster that no snapshot shares. nullptr if the image cannot be read.
    std::byte* own(std::uint64_t cluster);

    const int image_;
    const std::uint64_t size_;
    const std::string name_;
    mutable std::mutex mutex_;
    machine::DiskClusters clusters_;
    mutable std::set<std::uint64_t> owned_;  // those that were made since the last save or restore
    std::uint64_t era_ = 0;
};

}  // namespace ringside::devices::virtio
