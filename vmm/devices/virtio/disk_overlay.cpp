#include "vmm/devices/virtio/disk_overlay.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "vmm/devices/virtio/disk_io.h"

namespace ringside::devices::virtio {

using machine::DiskClusters;

machine::DiskClusters DiskOverlay::save() const {
    const std::scoped_lock lock(mutex_);
    owned_.clear();
    return clusters_;
}

void DiskOverlay::restore(const DiskClusters& clusters) {
    const std::scoped_lock lock(mutex_);
    clusters_ = clusters;
    owned_.clear();
    ++era_;
}

std::uint64_t DiskOverlay::era() const {
    const std::scoped_lock lock(mutex_);
    return era_;
}

template <typename Each>
bool DiskOverlay::for_each_piece(std::uint64_t offset, std::uint64_t size, Each each) {
    for (std::uint64_t done = 0; done < size;) {
        const std::uint64_t at = offset + done;
        const auto within = static_cast<std::size_t>(at % DiskClusters::kSize);
        const auto piece =
            static_cast<std::size_t>(std::min<std::uint64_t>(DiskClusters::kSize - within, size - done));
        if (!each(Piece{at / DiskClusters::kSize, within, piece, done}))
            return false;
        done += piece;
    }
    return true;
}

bool DiskOverlay::read(std::uint64_t offset, std::span<std::byte> out) const {
    const std::scoped_lock lock(mutex_);
    return for_each_piece(offset, out.size(), [&](const Piece& piece) {
        const auto to = out.subspan(static_cast<std::size_t>(piece.done), piece.size);
        const auto held = clusters_.by_number.find(piece.cluster);
        if (held == clusters_.by_number.end())
            return read_range(image_, offset + piece.done, to);
        std::memcpy(to.data(), held->second->data() + piece.within, to.size());
        return true;
    });
}

bool DiskOverlay::write(std::uint64_t era, std::uint64_t offset, std::span<const std::byte> data) {
    return change(era, offset, data.size(), [data](std::byte* to, const Piece& piece) {
        std::memcpy(to, data.data() + piece.done, piece.size);
    });
}

bool DiskOverlay::zero(std::uint64_t era, std::uint64_t offset, std::uint64_t size) {
    return change(era, offset, size,
                  [](std::byte* to, const Piece& piece) { std::memset(to, 0, piece.size); });
}

template <typename Fill>
bool DiskOverlay::change(std::uint64_t era, std::uint64_t offset, std::uint64_t size, Fill fill) {
    const std::scoped_lock lock(mutex_);
    if (era != era_)
        return false;
    try {
        return for_each_piece(offset, size, [&](const Piece& piece) {
            std::byte* cluster = own(piece.cluster);
            if (cluster == nullptr)
                return false;
            fill(cluster + piece.within, piece);
            return true;
        });
    } catch (const std::bad_alloc&) {
        return false;
    }
}

std::byte* DiskOverlay::own(std::uint64_t cluster) {
    auto held = clusters_.by_number.find(cluster);
    // A cluster in owned_ was created below as a mutable object, so the cast is valid.
    if (owned_.contains(cluster))
        return const_cast<std::byte*>(held->second->data());
    auto made = std::make_shared<DiskClusters::Cluster>(DiskClusters::kSize);
    const std::uint64_t start = cluster * DiskClusters::kSize;
    if (held != clusters_.by_number.end())
        *made = *held->second;
    else if (!read_range(image_, start,
                         std::span(*made).first(
                             static_cast<std::size_t>(std::min<std::uint64_t>(made->size(), size_ - start)))))
        return nullptr;
    std::byte* data = made->data();
    clusters_.by_number.insert_or_assign(cluster, std::move(made));
    owned_.insert(cluster);
    return data;
}

}  // namespace ringside::devices::virtio
