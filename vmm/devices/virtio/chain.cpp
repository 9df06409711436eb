#include "vmm/devices/virtio/chain.h"

#include <algorithm>
#include <cstring>

namespace ringside::devices::virtio {

namespace {

// Calls `copy(piece, done)` for each stretch of [offset, offset + size) in turn; returns how much there was.
template <typename Byte, typename Copy>
std::size_t for_each_stretch(const std::vector<std::span<Byte>>& pieces, std::uint64_t offset,
                             std::size_t size, Copy copy) {
    std::size_t done = 0;
    for (const std::span<Byte> piece : pieces) {
        if (done == size)
            break;
        if (offset >= piece.size()) {
            offset -= piece.size();
            continue;
        }
        const auto start = static_cast<std::size_t>(offset);
        const std::span<Byte> stretch = piece.subspan(start, std::min(piece.size() - start, size - done));
        copy(stretch, done);
        done += stretch.size();
        offset = 0;
    }
    return done;
}

}  // namespace

void Chain::begin(std::uint16_t head) {
    head_ = head;
    readable_.clear();
    writable_.clear();
}

std::size_t Chain::read(std::uint64_t offset, std::span<std::byte> out) const {
    return for_each_stretch(readable_.pieces, offset, out.size(),
                            [&](std::span<const std::byte> stretch, std::size_t done) {
                                std::memcpy(out.data() + done, stretch.data(), stretch.size());
                            });
}

std::size_t Chain::write(std::uint64_t offset, std::span<const std::byte> data) const {
    return for_each_stretch(writable_.pieces, offset, data.size(),
                            [&](std::span<std::byte> stretch, std::size_t done) {
                                std::memcpy(stretch.data(), data.data() + done, stretch.size());
                            });
}

}  // namespace ringside::devices::virtio
