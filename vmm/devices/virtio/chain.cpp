#include "vmm/devices/virtio/chain.h"

#include <algorithm>

namespace ringside::devices::virtio {

template <typename Byte, typename Copy>
std::size_t Chain::for_each_stretch(const Run<Byte>& run, std::uint64_t offset, std::size_t size, Copy copy) {
    std::size_t done = 0;
    for (const Piece<Byte>& piece : run.pieces) {
        if (done == size)
            break;
        if (offset >= piece.bytes.size()) {
            offset -= piece.bytes.size();
            continue;
        }
        const auto start = static_cast<std::size_t>(offset);
        const auto bytes = piece.bytes.subspan(start, std::min(piece.bytes.size() - start, size - done));
        copy(Piece<Byte>{piece.start + start, bytes}, done);
        done += bytes.size();
        offset = 0;
    }
    return done;
}

void Chain::begin(std::uint16_t head, const machine::GuestMemory& memory) {
    head_ = head;
    memory_ = &memory;
    readable_.clear();
    writable_.clear();
}

std::size_t Chain::read(std::uint64_t offset, std::span<std::byte> out) const {
    return for_each_stretch(
        readable_, offset, out.size(), [&](const Piece<const std::byte>& stretch, std::size_t done) {
            memory_->device_read(stretch.start, stretch.bytes, out.subspan(done, stretch.bytes.size()));
        });
}

std::size_t Chain::write(std::uint64_t offset, std::span<const std::byte> data) const {
    return for_each_stretch(
        writable_, offset, data.size(), [&](const Piece<std::byte>& stretch, std::size_t done) {
            memory_->device_write(stretch.start, stretch.bytes, data.subspan(done, stretch.bytes.size()));
        });
}

}  // namespace ringside::devices::virtio
